#include "text/go_template_parser.h"

#include <cctype>
#include <optional>
#include <utility>

#include "base/error.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

constexpr size_t kMaxSource = 256u << 10;
constexpr int kMaxDepth = 64;

[[noreturn]] void Broken(std::string what, std::string_view found) {
  throw Error(ErrorCode::kInvalidArgument, {.message = "the Go template is broken: " + what,
                                            .found = std::string(found.substr(0, 60))});
}

[[noreturn]] void Unknown(std::string what, std::string_view found) {
  throw Error(ErrorCode::kUnsupported,
              {.message = "the model's Go template is not understood: " + what,
               .found = std::string(found.substr(0, 60)),
               .hint = "a GGUF with its own chat template does not need it"});
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// A piece of the source: text, or what stands between {{ and }}.
struct Piece {
  bool action = false;
  std::string text;
};

void TrimEnd(std::string& text) {
  while (!text.empty() && IsSpace(text.back())) text.pop_back();
}

// Where the action that begins before `at` ends: braces in strings do not count.
size_t ActionEnd(std::string_view source, size_t at) {
  char quote = 0;
  for (; at < source.size(); ++at) {
    const char c = source[at];
    if (quote != 0) {
      if (c == '\\' && quote == '"')
        ++at;
      else if (c == quote)
        quote = 0;
    } else if (c == '"' || c == '`') {
      quote = c;
    } else if (source.substr(at, 2) == "}}") {
      return at;
    }
  }
  Broken("{{ without }}", source.substr(source.size() - std::min<size_t>(source.size(), 40)));
}

std::vector<Piece> Cut(std::string_view source) {
  std::vector<Piece> pieces;
  bool trim = false;  // the action before ended with "-}}"
  while (true) {
    const size_t open = source.find("{{");
    std::string text(source.substr(0, open));
    if (trim) text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (open == std::string_view::npos) {
      pieces.push_back({.action = false, .text = std::move(text)});
      return pieces;
    }
    source.remove_prefix(open + 2);
    if (source.size() >= 2 && source[0] == '-' && IsSpace(source[1])) {
      TrimEnd(text);
      source.remove_prefix(1);
    }
    pieces.push_back({.action = false, .text = std::move(text)});
    const size_t first = std::min(source.find_first_not_of(" \t\r\n"), source.size());
    const bool comment = source.substr(first, 2) == "/*";
    size_t end = 0;
    if (comment) {
      end = source.find("*/", first);
      if (end == std::string_view::npos) Broken("a comment without an end", source);
      end = source.find("}}", end);
      if (end == std::string_view::npos) Broken("{{ without }}", source);
    } else {
      end = ActionEnd(source, 0);
    }
    std::string action(source.substr(0, end));
    trim = action.size() >= 2 && action.back() == '-' && IsSpace(action[action.size() - 2]);
    if (trim) action.pop_back();
    source.remove_prefix(end + 2);
    if (!comment) pieces.push_back({.action = true, .text = std::move(action)});
  }
}

// The words of one action, front to back.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) { Skip(); }

  bool done() const { return text_.empty(); }
  std::string_view rest() const { return text_; }

  bool Take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    const bool whole =
        !IsWord(word.back()) || text_.size() == word.size() || !IsWord(text_[word.size()]);
    if (!whole) return false;
    text_.remove_prefix(word.size());
    Skip();
    return true;
  }

  std::string Identifier() {
    size_t length = 0;
    while (length < text_.size() && IsWord(text_[length])) ++length;
    std::string word(text_.substr(0, length));
    text_.remove_prefix(length);
    return word;
  }

  GoExpression Pipeline(int depth) {
    GoExpression value = Command(depth);
    while (Take("|")) {
      GoExpression next = Command(depth);
      if (next.kind != GoExpression::Kind::kCall) Broken("a pipe into what is no function", text_);
      next.arguments.push_back(std::move(value));
      value = std::move(next);
    }
    return value;
  }

  void Skip() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }

 private:
  // A function with its arguments, or one operand.
  GoExpression Command(int depth) {
    if (depth > kMaxDepth) Broken("too deep", text_);
    if (text_.empty()) Broken("an expression is missing", text_);
    if (!std::isalpha(static_cast<unsigned char>(text_.front()))) return Operand(depth);
    std::string name = Identifier();
    Skip();
    if (name == "true" || name == "false") {
      return {.kind = GoExpression::Kind::kBool, .text = std::move(name)};
    }
    if (name == "nil") return {.kind = GoExpression::Kind::kBool, .text = "false"};
    GoExpression call{.kind = GoExpression::Kind::kCall, .text = std::move(name)};
    while (!text_.empty() && text_.front() != ')' && text_.front() != '|') {
      call.arguments.push_back(Operand(depth));
    }
    return call;
  }

  std::vector<std::string> Names() {
    std::vector<std::string> names;
    while (text_.size() > 1 && text_.front() == '.' && IsWord(text_[1])) {
      text_.remove_prefix(1);
      names.push_back(Identifier());
    }
    return names;
  }

  GoExpression Operand(int depth) {
    if (depth > kMaxDepth) Broken("too deep", text_);
    GoExpression value;
    const char c = text_.front();
    if (c == '(') {
      text_.remove_prefix(1);
      Skip();
      value = Pipeline(depth + 1);
      if (text_.empty() || text_.front() != ')') Broken("( without )", text_);
      text_.remove_prefix(1);
      if (!text_.empty() && text_.front() == '.') Unknown("a field of an expression", text_);
    } else if (c == '.') {
      if (text_.size() > 1 && IsWord(text_[1])) {
        value.names = Names();
      } else {
        text_.remove_prefix(1);
      }
    } else if (c == '$') {
      text_.remove_prefix(1);
      value.kind = GoExpression::Kind::kVariable;
      value.names.push_back(Identifier());
      for (std::string& name : Names()) value.names.push_back(std::move(name));
    } else if (c == '"' || c == '`') {
      value.kind = GoExpression::Kind::kText;
      value.text = Quoted(c);
    } else if (std::isdigit(static_cast<unsigned char>(c)) || c == '-') {
      value.kind = GoExpression::Kind::kNumber;
      text_.remove_prefix(c == '-' ? 1 : 0);
      value.text = (c == '-' ? "-" : "") + Identifier();
      if (value.text.find_first_not_of("-0123456789") != std::string::npos || value.text == "-" ||
          value.text.size() > 10) {
        Unknown("a number", value.text);
      }
      value.text = std::to_string(std::stoll(value.text));
    } else if (std::isalpha(static_cast<unsigned char>(c))) {
      const std::string name = Identifier();
      const bool truth = name == "true" || name == "false";
      value.kind = truth ? GoExpression::Kind::kBool : GoExpression::Kind::kCall;
      value.text = name;
    } else {
      Broken("an operand is expected", text_);
    }
    Skip();
    return value;
  }

  std::string Quoted(char quote) {
    std::string out;
    size_t at = 1;
    for (; at < text_.size() && text_[at] != quote; ++at) {
      if (quote == '`' || text_[at] != '\\') {
        out += text_[at];
        continue;
      }
      if (++at == text_.size()) break;
      switch (text_[at]) {
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case 'r':
          out += '\r';
          break;
        case '"':
        case '\\':
          out += text_[at];
          break;
        default:
          Unknown("an escape in a string", text_.substr(at - 1));
      }
    }
    if (at >= text_.size()) Broken("a string without an end", text_);
    text_.remove_prefix(at + 1);
    return out;
  }

  std::string_view text_;
};

class Parser {
 public:
  explicit Parser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  std::vector<GoNode> All() {
    std::vector<GoNode> nodes = Nodes(0);
    if (at_ < pieces_.size()) Broken("an end or else without its beginning", pieces_[at_].text);
    return nodes;
  }

 private:
  // Up to `end`, `else` or the end of the source, which stay.
  std::vector<GoNode> Nodes(int depth) {
    if (depth > kMaxDepth) Broken("too deep", "");
    std::vector<GoNode> nodes;
    for (; at_ < pieces_.size(); ++at_) {
      const Piece& piece = pieces_[at_];
      if (!piece.action) {
        if (!piece.text.empty()) nodes.push_back({.kind = GoNode::Kind::kText, .text = piece.text});
        continue;
      }
      Words words(piece.text);
      if (words.done()) Broken("an empty action", piece.text);
      if (Words(piece.text).Take("end") || Words(piece.text).Take("else")) return nodes;
      nodes.push_back(Action(words, depth));
    }
    return nodes;
  }

  GoNode Action(Words words, int depth) {
    if (words.Take("if")) return Block(GoNode::Kind::kIf, words, depth);
    if (words.Take("with")) return Block(GoNode::Kind::kWith, words, depth);
    if (words.Take("range")) return Block(GoNode::Kind::kRange, words, depth);
    for (const auto& [word, kind] :
         {std::pair("break", GoNode::Kind::kBreak), {"continue", GoNode::Kind::kContinue}}) {
      if (!words.Take(word)) continue;
      if (loops_ == 0 || !words.done()) Broken("a loop's word outside a loop", word);
      return {.kind = kind};
    }
    for (const char* action : {"define", "template", "block"}) {
      if (words.Take(action)) Unknown(std::string("the action ") + action, words.rest());
    }
    GoNode node{.kind = GoNode::Kind::kPrint};
    if (auto variable = Assigned(words)) {
      node.kind = GoNode::Kind::kAssign;
      node.variables.push_back(std::move(*variable));
    }
    node.expression = Whole(words);
    return node;
  }

  // "$x :=" or "$x =" at the front.
  static std::optional<std::string> Assigned(Words& words) {
    Words ahead = words;
    if (!ahead.Take("$")) return std::nullopt;
    std::string name = ahead.Identifier();
    ahead.Skip();
    if (name.empty() || (!ahead.Take(":=") && !ahead.Take("="))) return std::nullopt;
    words = ahead;
    return name;
  }

  static GoExpression Whole(Words& words) {
    GoExpression expression = words.Pipeline(0);
    if (!words.done()) Broken("something after an expression", words.rest());
    return expression;
  }

  GoNode Block(GoNode::Kind kind, Words words, int depth) {
    GoNode node{.kind = kind};
    if (kind == GoNode::Kind::kRange) {
      Words ahead = words;
      if (ahead.Take("$")) {
        std::string first = ahead.Identifier();
        ahead.Skip();
        if (ahead.Take(",")) {
          if (!ahead.Take("$")) Broken("a variable is expected", ahead.rest());
          std::string second = ahead.Identifier();
          ahead.Skip();
          if (!ahead.Take(":=")) Broken(":= is expected", ahead.rest());
          node.variables = {std::move(first), std::move(second)};
          words = ahead;
        } else if (ahead.Take(":=")) {
          node.variables = {std::move(first)};
          words = ahead;
        }
      }
    } else if (auto variable = Assigned(words)) {
      node.variables.push_back(std::move(*variable));
    }
    node.expression = Whole(words);
    ++at_;
    const int inside = kind == GoNode::Kind::kRange ? 1 : 0;
    loops_ += inside;
    node.body = Nodes(depth + 1);
    loops_ -= inside;
    node.otherwise = Otherwise(kind, depth);
    return node;
  }

  // What follows the body: nothing, an else, or an else if, which is an if in the else. Stops at
  // the end.
  std::vector<GoNode> Otherwise(GoNode::Kind kind, int depth) {
    if (at_ == pieces_.size()) Broken("a block without its end", "");
    Words words(pieces_[at_].text);
    if (words.Take("end")) return {};
    words.Take("else");
    std::vector<GoNode> nodes;
    if (words.Take("if")) {
      if (kind != GoNode::Kind::kIf) Broken("else if outside an if", words.rest());
      nodes.push_back(Block(GoNode::Kind::kIf, words, depth + 1));
      return nodes;  // its end is ours
    }
    if (!words.done()) Unknown("an else", words.rest());
    ++at_;
    nodes = Nodes(depth + 1);
    if (at_ == pieces_.size() || !Words(pieces_[at_].text).Take("end")) {
      Broken("a block without its end", "");
    }
    return nodes;
  }

  std::vector<Piece> pieces_;
  size_t at_ = 0;
  int loops_ = 0;
};

}  // namespace

std::vector<GoNode> ParseGoTemplate(std::string_view source) {
  if (source.size() > kMaxSource) Broken("it is too large", "");
  std::string formed;
  Utf8Stream stream;
  stream.Push(source, formed);
  stream.Finish(formed);
  if (formed != source) Broken("it is not UTF-8", "");
  return Parser(Cut(source)).All();
}

}  // namespace hyprstream::text
