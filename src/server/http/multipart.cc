#include "server/http/multipart.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "server/http/message.h"

namespace hyprstream::server {
namespace {

constexpr size_t kMostParts = 64;
constexpr size_t kLongestBoundary = 70;  // RFC 2046
constexpr size_t kLongestHead = 8192;

[[noreturn]] void Refuse(std::string message, std::string expected) {
  throw Error(ErrorCode::kInvalidArgument,
              {.message = std::move(message), .expected = std::move(expected)});
}

bool SameWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// What stands before the next `end` outside quotes; it is taken off with it.
std::string_view TakeUntil(std::string_view& text, char end) {
  bool quoted = false;
  size_t at = 0;
  for (; at < text.size() && (quoted || text[at] != end); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted && text[at] == '\\') ++at;
  }
  at = std::min(at, text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

std::string Unquoted(std::string_view text) {
  text = Trimmed(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string plain;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

/// The value of `name` in "type; a=1; b="2""; nothing when it is missing.
std::optional<std::string> Parameter(std::string_view header, std::string_view name) {
  TakeUntil(header, ';');
  while (!header.empty()) {
    std::string_view parameter = TakeUntil(header, ';');
    const std::string_view key = Trimmed(TakeUntil(parameter, '='));
    if (SameWord(key, name)) return Unquoted(parameter);
  }
  return std::nullopt;
}

// Browsers and clients write a quote and control characters in names as %22, %0D, %0A, and all else
// as it is, '%' included.
std::string Decoded(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto one = text[i] == '%' ? PercentDecode(text.substr(i, 3)) : std::nullopt;
    const bool escaped = one && one->size() == 1 &&
                         (one->front() == '"' || static_cast<unsigned char>(one->front()) < 0x20);
    plain += escaped ? one->front() : text[i];
    if (escaped) i += 2;
  }
  return plain;
}

FormPart ReadPart(std::string_view head, std::string_view content) {
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    std::string_view value = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (!SameWord(Trimmed(TakeUntil(value, ':')), "content-disposition")) continue;
    const auto name = Parameter(value, "name");
    if (!name) break;
    FormPart part{.name = Decoded(*name), .filename = {}, .content = content};
    if (auto file = Parameter(value, "filename")) {
      part.filename = Decoded(*file);
      part.filename->erase(0, part.filename->find_last_of("/\\") + 1);
    }
    return part;
  }
  Refuse("a part of the form has no name", "Content-Disposition: form-data; name=\"…\"");
}

std::string BoundaryOf(std::string_view content_type) {
  std::string_view rest = content_type;
  if (!SameWord(Trimmed(TakeUntil(rest, ';')), "multipart/form-data")) {
    Refuse("the body is no form", "Content-Type: multipart/form-data");
  }
  const auto boundary = Parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kLongestBoundary) {
    Refuse("the form has no boundary", "multipart/form-data; boundary=… of up to 70 characters");
  }
  return *boundary;
}

}  // namespace

std::vector<FormPart> ReadForm(std::string_view content_type, std::string_view body) {
  const std::string mark = "\r\n--" + BoundaryOf(content_type);
  const std::string_view first = std::string_view(mark).substr(2);
  size_t at = body.starts_with(first) ? first.size() : body.find(mark);
  if (at == std::string_view::npos) Refuse("the form is empty", "parts between its boundaries");
  if (!body.starts_with(first)) at += mark.size();
  std::vector<FormPart> parts;
  while (!body.substr(at).starts_with("--")) {
    if (parts.size() == kMostParts) Refuse("the form has too many parts", "at most 64");
    at = body.find("\r\n", at);  // padding may follow a boundary
    const size_t end = at == std::string_view::npos ? at : body.find(mark, at + 2);
    if (end == std::string_view::npos) Refuse("a part of the form does not end", "a boundary");
    const std::string_view part = body.substr(at + 2, end - at - 2);
    const size_t head = part.find("\r\n\r\n");
    if (head == std::string_view::npos || head > kLongestHead) {
      Refuse("a part of the form has no header", "Content-Disposition and an empty line");
    }
    parts.push_back(ReadPart(part.substr(0, head), part.substr(head + 4)));
    at = end + mark.size();
  }
  return parts;
}

}  // namespace hyprstream::server
