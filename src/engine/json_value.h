// JSON text as a value of the template language: keys keep their order and integers of any size
// their digits, since a template may print them.
#pragma once

#include <string_view>

#include "text/template/value.h"

namespace hyprstream::engine {

/// Errors: kInvalidArgument with the offset, naming `where`.
text::Value ParseJsonValue(std::string_view json, std::string_view where);

}  // namespace hyprstream::engine
