// Dates as text, with English names whatever the locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hyprstream::text::tmpl {

/// `seconds` since 1970 of the wall clock to show, as if it were UTC.
std::string FormatTime(std::string_view format, int64_t seconds);

/// The real local wall clock in the same form.
int64_t LocalNow();

}  // namespace hyprstream::text::tmpl
