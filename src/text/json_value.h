// JSON text to template values and back, keys in the order received, integers of any size
// unchanged.
#pragma once

#include <string>
#include <string_view>

#include "text/template/value.h"

namespace hyprstream::text {

/// Nesting allowed in JSON from outside.
inline constexpr int kMaxJsonDepth = 128;

/// Of equal keys the last value wins. `where` names the text in errors.
/// Errors: kInvalidArgument naming the byte offset, for text that is not JSON or not UTF-8, and for
/// more than kMaxJsonDepth levels.
Value ParseJson(std::string_view json, std::string_view where = "");

/// Compact JSON. Errors: kInvalidArgument for values JSON has no form for (NaN, undefined, …).
std::string WriteJson(const Value& value);

}  // namespace hyprstream::text
