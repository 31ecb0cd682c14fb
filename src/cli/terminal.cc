#include "cli/terminal.h"

#include <unistd.h>

#include <cstdlib>

namespace hyprstream::cli {

Terminal Terminal::Detect() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool color = (no_color == nullptr || *no_color == '\0') && term != nullptr &&
                     std::string_view(term) != "dumb";
  Terminal terminal;
  terminal.input = isatty(STDIN_FILENO) == 1;
  terminal.output = isatty(STDOUT_FILENO) == 1;
  terminal.errors = isatty(STDERR_FILENO) == 1;
  terminal.output_color = terminal.output && color;
  terminal.errors_color = terminal.errors && color;
  return terminal;
}

std::string_view StyleBegin(Style style, bool color) {
  if (!color) return "";
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kCyan:
      return "\x1b[36m";
  }
  return "";
}

std::string_view StyleEnd(bool color) { return color ? "\x1b[0m" : ""; }

std::string Styled(std::string_view text, Style style, bool color) {
  std::string out(StyleBegin(style, color));
  out += text;
  out += StyleEnd(color);
  return out;
}

std::string Printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // C1 controls are two bytes in UTF-8: C2 80 to C2 9F.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0 &&
                    static_cast<unsigned char>(text[i + 1]) >= 0x80;
    const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    if (!control && !c1) {
      out += text[i];
      continue;
    }
    const unsigned char shown = c1 ? static_cast<unsigned char>(text[++i]) : byte;
    out += "\\x";
    out += kHex[shown >> 4];
    out += kHex[shown & 15];
  }
  return out;
}

}  // namespace hyprstream::cli
