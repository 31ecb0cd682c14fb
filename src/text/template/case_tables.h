// The letters whose upper, lower or title case is not one letter: Unicode's SpecialCasing.txt,
// unconditional mappings (Unicode 14).
#pragma once

#include <string_view>

#include "text/template/unicode.h"

namespace hyprstream::text::tmpl {

/// Empty when the letter has a plain mapping.
std::string_view SpecialCase(char32_t code_point, Case to);

}  // namespace hyprstream::text::tmpl
