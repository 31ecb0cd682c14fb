// Names, numbers, strings and operators inside tags.
#include <algorithm>
#include <array>

#include "text/template/lexer.h"
#include "text/template/template_error.h"
#include "text/template/unicode.h"

namespace hyprstream::text::tmpl {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// digit (underscore? digit)*
size_t SkipDigits(std::string_view text, size_t at) {
  while (at < text.size() && IsDigit(text[at])) {
    ++at;
    if (at + 1 < text.size() && text[at] == '_' && IsDigit(text[at + 1])) ++at;
  }
  return at;
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

size_t SkipPrefixed(std::string_view text, size_t at, int base) {
  while (at < text.size()) {
    const size_t digit = text[at] == '_' ? at + 1 : at;
    if (digit >= text.size() || HexDigit(text[digit]) >= base) break;
    at = digit + 1;
  }
  return at;
}

int BaseOf(char c) {
  switch (c) {
    case 'b':
    case 'B':
      return 2;
    case 'o':
    case 'O':
      return 8;
    case 'x':
    case 'X':
      return 16;
    default:
      return 0;
  }
}

[[noreturn]] void BadEscape() {
  Raise(TemplateErrorKind::kSyntax, "a string has an escape that means no character");
}

void AppendEscape(std::string& out, std::string_view body, size_t& at, size_t digits) {
  char32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = at < body.size() ? HexDigit(body[at]) : 99;
    if (digit >= 16) BadEscape();
    value = value * 16 + static_cast<char32_t>(digit);
    ++at;
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) BadEscape();
  AppendUtf8(out, value);
}

void AppendOctal(std::string& out, std::string_view body, size_t& at) {
  char32_t value = 0;
  for (size_t i = 0; i < 3 && at < body.size() && body[at] >= '0' && body[at] <= '7'; ++i) {
    value = value * 8 + static_cast<char32_t>(body[at++] - '0');
  }
  AppendUtf8(out, value);
}

}  // namespace

std::string Unescape(std::string_view body) {
  std::string out;
  for (size_t at = 0; at < body.size();) {
    const char c = body[at++];
    if (c != '\\' || at >= body.size()) {
      out += c;
      continue;
    }
    const char e = body[at++];
    switch (e) {
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out += e;
        break;
      case 'a':
        out += '\a';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      case 'x':
        AppendEscape(out, body, at, 2);
        break;
      case 'u':
        AppendEscape(out, body, at, 4);
        break;
      case 'U':
        AppendEscape(out, body, at, 8);
        break;
      case 'N':
        BadEscape();  // names of characters are not known here
      default:
        if (e >= '0' && e <= '7') {
          --at;
          AppendOctal(out, body, at);
        } else {
          out += '\\';
          out += e;
        }
    }
  }
  return out;
}

Token Lexer::ReadNumber() {
  const size_t begin = at_;
  const int base =
      source_[begin] == '0' && begin + 1 < source_.size() ? BaseOf(source_[begin + 1]) : 0;
  if (base != 0) {
    const size_t end = SkipPrefixed(source_, begin + 2, base);
    if (end > begin + 2) {
      Token token = Make(TokenKind::kInteger, source_.substr(begin, end - begin));
      Advance(end);
      return token;
    }
  }
  size_t end = SkipDigits(source_, begin);
  bool is_float = false;
  const bool after_dot = begin > 0 && source_[begin - 1] == '.';
  if (!after_dot) {
    if (end + 1 < source_.size() && source_[end] == '.' && IsDigit(source_[end + 1])) {
      end = SkipDigits(source_, end + 1);
      is_float = true;
    }
    size_t exponent = end;
    if (exponent < source_.size() && (source_[exponent] == 'e' || source_[exponent] == 'E')) {
      ++exponent;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
        ++exponent;
      }
      if (exponent < source_.size() && IsDigit(source_[exponent])) {
        end = SkipDigits(source_, exponent);
        is_float = true;
      }
    }
  }
  if (!is_float && source_[begin] == '0') {
    // An integer has no leading zeros: what follows them is another token.
    end = begin;
    while (end < source_.size() && source_[end] == '0') {
      ++end;
      if (end + 1 < source_.size() && source_[end] == '_' && source_[end + 1] == '0') ++end;
    }
  }
  Token token =
      Make(is_float ? TokenKind::kFloat : TokenKind::kInteger, source_.substr(begin, end - begin));
  token.text.erase(std::remove(token.text.begin(), token.text.end(), '_'), token.text.end());
  Advance(end);
  return token;
}

Token Lexer::ReadString() {
  const char quote = source_[at_];
  size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) Fail("a string has no end");
  Token token = Make(TokenKind::kString, "");
  token.text = Unescape(source_.substr(at_ + 1, end - at_ - 1));
  Advance(end + 1);
  return token;
}

Token Lexer::ReadName() {
  size_t end = at_;
  while (end < source_.size()) {
    const CodePoint c = DecodeAt(source_, end);
    if (!IsWord(c.value)) break;
    end += c.length;
  }
  Token token = Make(TokenKind::kName, source_.substr(at_, end - at_));
  Advance(end);
  return token;
}

Token Lexer::ReadOperator() {
  constexpr std::array<std::string_view, 28> kOperators = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]",
      "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", "",  ""};
  const std::string_view rest = source_.substr(at_);
  const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                  [&](std::string_view op) { return rest.starts_with(op); });
  const std::string_view op = *found;
  if (op.empty())
    Fail("unexpected char '" + std::string(rest.substr(0, DecodeAt(rest, 0).length)) + "'");
  if (op == "(" || op == "[" || op == "{") {
    open_ += op == "(" ? ')' : (op == "[" ? ']' : '}');
  } else if (op == ")" || op == "]" || op == "}") {
    if (open_.empty() || open_.back() != op[0]) Fail("unexpected '" + std::string(op) + "'");
    open_.pop_back();
  }
  Token token = Make(TokenKind::kOperator, op);
  Advance(at_ + op.size());
  return token;
}

}  // namespace hyprstream::text::tmpl
