// Slices and subscripts.
#pragma once

#include <string>

#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

/// container[start:stop:step]; none where a part was left out. Errors: kRuntime for a step of zero.
Value Slice(Budget& budget, const Value& container, const Value& start, const Value& stop,
            const Value& step);

/// The item at an index of a sequence, or nothing beyond its ends. Negative counts from the end.
std::optional<Value> At(Budget& budget, const Value& container, int64_t index);

/// "'dict object' has no attribute 'x'", as undefined values say it.
Value MissingAttribute(const Value& container, std::string_view name);

}  // namespace hyprstream::text::tmpl
