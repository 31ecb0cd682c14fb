// Searching and splitting strings.
#include <algorithm>
#include <cstring>

#include "text/template/marked_string.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

bool IsLineEnd(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

int64_t SplitsLeft(int64_t max_splits) { return max_splits < 0 ? INT64_MAX : max_splits; }

// Pieces cost room while they are collected, whoever keeps them afterwards.
void CountPiece(Budget& budget, const std::vector<StrView>& pieces) {
  budget.Step();
  if (pieces.size() * 4 * sizeof(StrView) > budget.limits().memory_bytes) {
    RaiseLimit("a text of the template splits into too many pieces");
  }
}

}  // namespace

size_t Find(Budget& budget, std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  budget.Step();
  // memmem is linear for any needle; std::string_view::find is not.
  const void* hit = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (needle.empty()) return from;
  const size_t at = hit == nullptr
                        ? std::string_view::npos
                        : static_cast<size_t>(static_cast<const char*>(hit) - text.data());
  budget.Touch((hit == nullptr ? text.size() : at) - from);
  return at;
}

size_t FindLast(Budget& budget, std::string_view text, std::string_view needle) {
  budget.Touch(2 * text.size());
  if (needle.empty()) return text.size();
  const Charge charge(budget, text.size() + needle.size());
  const std::string reversed(text.rbegin(), text.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  const size_t hit = Find(budget, reversed, reversed_needle);
  return hit == std::string::npos ? hit : text.size() - hit - needle.size();
}

std::vector<StrView> Split(Budget& budget, StrView text, std::string_view separator,
                           int64_t max_splits) {
  if (separator.empty()) RaiseRuntime("empty separator");
  std::vector<StrView> pieces;
  size_t at = 0;
  for (int64_t left = SplitsLeft(max_splits); left > 0; --left) {
    const size_t hit = Find(budget, text.text(), separator, at);
    if (hit == std::string_view::npos) break;
    CountPiece(budget, pieces);
    pieces.push_back(text.Sub(at, hit));
    at = hit + separator.size();
  }
  pieces.push_back(text.Sub(at, text.size()));
  return pieces;
}

std::vector<StrView> SplitFromRight(Budget& budget, StrView text, std::string_view separator,
                                    int64_t max_splits) {
  if (separator.empty()) RaiseRuntime("empty separator");
  budget.Touch(2 * text.size());
  const Charge charge(budget, text.size());
  const std::string reversed(text.text().rbegin(), text.text().rend());
  const std::string needle(separator.rbegin(), separator.rend());
  std::vector<StrView> pieces;
  size_t end = text.size();
  for (int64_t left = SplitsLeft(max_splits); left > 0; --left) {
    const size_t hit = Find(budget, reversed, needle, text.size() - end);
    if (hit == std::string_view::npos) break;
    CountPiece(budget, pieces);
    pieces.push_back(text.Sub(text.size() - hit, end));
    end = text.size() - hit - needle.size();
  }
  pieces.push_back(text.Sub(0, end));
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<StrView> SplitSpace(Budget& budget, StrView text, int64_t max_splits) {
  std::vector<StrView> pieces;
  budget.Touch(4 * text.size());
  StrView rest = Strip(budget, text, Side::kLeft);
  for (int64_t left = SplitsLeft(max_splits); left > 0 && !rest.empty(); --left) {
    size_t end = 0;
    while (end < rest.size()) {
      const CodePoint c = DecodeAt(rest.text(), end);
      if (IsSpace(c.value)) break;
      end += c.length;
    }
    CountPiece(budget, pieces);
    pieces.push_back(rest.Sub(0, end));
    rest = Strip(budget, rest.Sub(end, rest.size()), Side::kLeft);
  }
  if (!rest.empty()) pieces.push_back(rest);
  return pieces;
}

std::vector<StrView> SplitSpaceFromRight(Budget& budget, StrView text, int64_t max_splits) {
  std::vector<StrView> pieces;
  budget.Touch(4 * text.size());
  StrView rest = Strip(budget, text, Side::kRight);
  for (int64_t left = SplitsLeft(max_splits); left > 0 && !rest.empty(); --left) {
    size_t begin = rest.size();
    while (begin > 0) {
      const size_t start = PreviousStart(rest.text(), begin);
      if (IsSpace(DecodeAt(rest.text(), start).value)) break;
      begin = start;
    }
    CountPiece(budget, pieces);
    pieces.push_back(rest.Sub(begin, rest.size()));
    rest = Strip(budget, rest.Sub(0, begin), Side::kRight);
  }
  if (!rest.empty()) pieces.push_back(rest);
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<StrView> SplitLines(Budget& budget, StrView text, LineEnds ends) {
  std::vector<StrView> lines;
  budget.Touch(4 * text.size());
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeAt(text.text(), at);
    const size_t line_end = at;
    at += c.length;
    if (!IsLineEnd(c.value)) continue;
    if (c.value == '\r' && at < text.size() && text.text()[at] == '\n') ++at;
    CountPiece(budget, lines);
    lines.push_back(text.Sub(begin, ends == LineEnds::kKeep ? at : line_end));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.Sub(begin, text.size()));
  return lines;
}

}  // namespace hyprstream::text::tmpl
