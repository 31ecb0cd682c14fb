// HTML escaping, and the text that is already escaped (what the safe filter makes).
#pragma once

#include "text/template/marked_string.h"
#include "text/template/value.h"

namespace hyprstream::text::tmpl {

/// The value as text that is marked as escaped; escaped text comes back unchanged.
Value Escape(Budget& budget, const Value& value);
/// For joins of which one part is escaped text: escapes `value` if `markup`.
Value EscapeIf(Budget& budget, const Value& value, bool markup);

}  // namespace hyprstream::text::tmpl
