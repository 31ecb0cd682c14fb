// Template source to tokens: text with its white-space rules applied (trim_blocks, lstrip_blocks,
// "-" and "+" signs), and the words, numbers, strings and signs inside tags.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::text::tmpl {

enum class TokenKind : uint8_t {
  kText,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // text says which
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string text = {};  // strings: unescaped; numbers: as written
};

/// Reads one token at a time. Precondition: valid UTF-8 with "\n" line ends, which NormalizeSource
/// makes. Errors: TemplateError kSyntax, naming the line.
class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}
  Token Next();

 private:
  enum class State : uint8_t { kText, kVariable, kBlock };

  Token NextText();
  Token NextInside();
  bool EndTag(Token& token);
  bool SkipComment(size_t begin);
  bool TakeRaw(size_t begin, Token& token);
  std::string_view TextBefore(std::string_view text, size_t tag, bool is_variable) const;
  size_t SkipSpace(size_t at) const;
  void Advance(size_t to);
  Token Make(TokenKind kind, std::string_view text);
  Token ReadNumber();
  Token ReadString();
  Token ReadName();
  Token ReadOperator();
  [[noreturn]] void Fail(const std::string& message) const;

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  State state_ = State::kText;
  bool line_starting_ = true;  // whether what was read last ended a line
  std::string open_;           // brackets not yet closed
};

/// "\r\n" and "\r" to "\n"; one final newline dropped.
std::string NormalizeSource(std::string_view source);

/// A string literal's body with its escapes resolved. Errors: kSyntax.
std::string Unescape(std::string_view body);

}  // namespace hyprstream::text::tmpl
