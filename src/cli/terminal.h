// What the terminal can do, asked once at the start. Colours and progress appear only on a
// terminal, and colours never when NO_COLOR is set to anything (https://no-color.org).
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::cli {

struct Terminal {
  bool input = false;   // standard input is one
  bool output = false;  // standard output is one
  bool errors = false;  // standard error is one
  bool output_color = false;
  bool errors_color = false;

  static Terminal Detect();
};

enum class Style { kBold, kDim, kRed, kCyan };

/// `text` in the style, or as it is when there is no `color`.
std::string Styled(std::string_view text, Style style, bool color);
/// The escape sequences around a styled text; empty without `color`.
std::string_view StyleBegin(Style style, bool color);
std::string_view StyleEnd(bool color);

/// `text` with control characters other than newline and tab as visible escapes, so that a model's
/// answer or a file's name cannot command the terminal.
std::string Printable(std::string_view text);

}  // namespace hyprstream::cli
