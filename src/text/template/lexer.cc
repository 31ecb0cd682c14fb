#include "text/template/lexer.h"

#include <algorithm>

#include "text/template/template_error.h"
#include "text/template/unicode.h"

namespace hyprstream::text::tmpl {
namespace {

constexpr size_t kNone = std::string_view::npos;

std::string_view StripRight(std::string_view text) {
  while (!text.empty()) {
    const size_t start = PreviousStart(text, text.size());
    if (!IsSpace(DecodeAt(text, start).value)) break;
    text = text.substr(0, start);
  }
  return text;
}

bool AllSpace(std::string_view text) { return StripRight(text).empty(); }

}  // namespace

std::string NormalizeSource(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else if (i + 1 >= source.size() || source[i + 1] != '\n') {
      out += '\n';
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

void Lexer::Fail(const std::string& message) const {
  throw TemplateError(TemplateErrorKind::kSyntax,
                      {.message = message, .where = "line " + std::to_string(line_)});
}

void Lexer::Advance(size_t to) {
  line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                       source_.begin() + static_cast<ptrdiff_t>(to), '\n'));
  if (to > at_) line_starting_ = source_[to - 1] == '\n';
  at_ = to;
}

size_t Lexer::SkipSpace(size_t at) const {
  while (at < source_.size()) {
    const CodePoint c = DecodeAt(source_, at);
    if (!IsSpace(c.value)) break;
    at += c.length;
  }
  return at;
}

Token Lexer::Make(TokenKind kind, std::string_view text) {
  return {.kind = kind, .line = line_, .text = std::string(text)};
}

Token Lexer::Next() { return state_ == State::kText ? NextText() : NextInside(); }

// The text in front of the tag that begins at `tag`, without what the tag strips.
std::string_view Lexer::TextBefore(std::string_view text, size_t tag, bool is_variable) const {
  const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
  if (sign == '-') return StripRight(text);
  if (sign == '+' || is_variable) return text;
  const size_t line_end = text.rfind('\n');
  const size_t line_begin = line_end == kNone ? 0 : line_end + 1;
  if ((line_begin > 0 || line_starting_) && AllSpace(text.substr(line_begin))) {
    return text.substr(0, line_begin);
  }
  return text;
}

Token Lexer::NextText() {
  std::string text;
  const int line = line_;
  while (true) {
    size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == kNone || tag + 1 >= source_.size()) tag = source_.size();
      if (tag == source_.size() || source_[tag + 1] == '{' || source_[tag + 1] == '%' ||
          source_[tag + 1] == '#') {
        break;
      }
      ++tag;
    }
    const std::string_view before = source_.substr(at_, tag - at_);
    if (tag == source_.size()) {
      text += before;
      Advance(tag);
      if (text.empty()) return Make(TokenKind::kEnd, "");
      return {.kind = TokenKind::kText, .line = line, .text = std::move(text)};
    }
    const char kind = source_[tag + 1];
    text += TextBefore(before, tag, kind == '{');
    if (kind == '#') {
      SkipComment(tag);
      continue;
    }
    Token raw;
    if (kind == '%' && TakeRaw(tag, raw)) {
      text += raw.text;
      continue;
    }
    if (!text.empty()) {
      // The tag itself is read by the next call, from where nothing is left to strip.
      Advance(tag);
      return {.kind = TokenKind::kText, .line = line, .text = std::move(text)};
    }
    Advance(tag);
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    Advance(tag + (sign == '-' || (sign == '+' && kind == '%') || (sign == '+') ? 3 : 2));
    state_ = kind == '{' ? State::kVariable : State::kBlock;
    open_.clear();
    return Make(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
  }
}

bool Lexer::SkipComment(size_t begin) {
  const size_t close = source_.find("#}", begin + 2);
  if (close == kNone) Fail("Missing end of comment tag");
  const char sign = source_[close - 1];
  size_t end = close + 2;
  if (sign == '-' && close > begin + 2) {
    end = SkipSpace(end);
  } else if (!(sign == '+' && close > begin + 2) && end < source_.size() && source_[end] == '\n') {
    ++end;
  }
  Advance(end);
  return true;
}

// {% raw %} … {% endraw %}: everything between them is text.
bool Lexer::TakeRaw(size_t begin, Token& token) {
  size_t at = begin + 2;
  if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
  at = SkipSpace(at);
  if (source_.substr(at, 3) != "raw") return false;
  at = SkipSpace(at + 3);
  if (source_.substr(at, 3) == "-%}") {
    at = SkipSpace(at + 3);
  } else if (source_.substr(at, 2) == "%}") {
    at += 2;
  } else {
    return false;
  }
  Advance(at);
  if (at == source_.size()) return true;  // jinja2 lets the end of the template close it
  for (size_t tag = source_.find("{%", at); tag != kNone; tag = source_.find("{%", tag + 2)) {
    size_t end = tag + 2;
    if (end < source_.size() && (source_[end] == '-' || source_[end] == '+')) ++end;
    end = SkipSpace(end);
    if (source_.substr(end, 6) != "endraw") continue;
    end = SkipSpace(end + 6);
    const std::string_view close = source_.substr(end, 3);
    if (close == "-%}") {
      end = SkipSpace(end + 3);
    } else if (close == "+%}") {
      end += 3;
    } else if (close.substr(0, 2) == "%}") {
      end += 2;
      if (end < source_.size() && source_[end] == '\n') ++end;
    } else {
      continue;
    }
    token.text = std::string(TextBefore(source_.substr(at, tag - at), tag, false));
    Advance(end);
    return true;
  }
  Fail("Missing end of raw directive");
}

bool Lexer::EndTag(Token& token) {
  const std::string_view rest = source_.substr(at_);
  const std::string_view close = state_ == State::kVariable ? "}}" : "%}";
  const TokenKind kind =
      state_ == State::kVariable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd;
  size_t end = kNone;
  if (rest.starts_with('-') && rest.substr(1).starts_with(close)) {
    end = SkipSpace(at_ + 3);
  } else if (state_ == State::kBlock && rest.starts_with("+%}")) {
    end = at_ + 3;
  } else if (rest.starts_with(close)) {
    end = at_ + 2;
    if (state_ == State::kBlock && end < source_.size() && source_[end] == '\n') ++end;
  }
  if (end == kNone) return false;
  token = Make(kind, "");
  Advance(end);
  state_ = State::kText;
  return true;
}

Token Lexer::NextInside() {
  Advance(SkipSpace(at_));
  if (at_ >= source_.size()) return Make(TokenKind::kEnd, "");
  Token token;
  if (open_.empty() && EndTag(token)) return token;
  const char c = source_[at_];
  if (c >= '0' && c <= '9') return ReadNumber();
  if (c == '\'' || c == '"') return ReadString();
  if (IsWord(DecodeAt(source_, at_).value)) return ReadName();
  return ReadOperator();
}

}  // namespace hyprstream::text::tmpl
