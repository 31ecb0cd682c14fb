#include "engine/code_points.h"

#include <string>

#include "text/utf8.h"

namespace hyprstream::engine {
namespace {

// Cuts a range until the bytes of its characters vary independently of each other, as RE2 does it
// (re2/compile.cc, AddRuneRangeUTF8).
void AddRange(Grammar& grammar, uint32_t first, uint32_t last,
              std::vector<Grammar::Symbols>& alternatives) {
  const auto cut_before = [&](uint32_t middle) {
    AddRange(grammar, first, middle - 1, alternatives);
    AddRange(grammar, middle, last, alternatives);
  };
  for (const uint32_t longer : {0x80U, 0x800U, 0x10000U}) {
    if (first < longer && longer <= last) return cut_before(longer);
  }
  for (const uint32_t bits : {6U, 12U, 18U}) {
    if (last < 0x80) break;
    const uint32_t low = (1U << bits) - 1;
    if ((first & ~low) == (last & ~low)) continue;
    if ((first & low) != 0) return cut_before((first | low) + 1);
    if ((last & low) != low) return cut_before(last & ~low);
  }
  std::string from;
  std::string to;
  text::AppendUtf8(from, first);
  text::AppendUtf8(to, last);
  Grammar::Symbols& bytes = alternatives.emplace_back();
  for (size_t i = 0; i < from.size(); ++i) {
    bytes.push_back(grammar.AnyOf(
        ByteRange(static_cast<unsigned char>(from[i]), static_cast<unsigned char>(to[i]))));
  }
}

}  // namespace

CodePointRanges Without(const CodePointRanges& ranges, const std::vector<uint32_t>& left_out) {
  CodePointRanges kept;
  for (auto [first, last] : ranges) {
    for (const uint32_t point : left_out) {
      if (point < first || point > last) continue;
      if (point > first) kept.emplace_back(first, point - 1);
      first = point + 1;
    }
    if (first <= last) kept.emplace_back(first, last);
  }
  return kept;
}

Grammar::Symbol OneOf(Grammar& grammar, const CodePointRanges& ranges) {
  std::vector<Grammar::Symbols> alternatives;
  for (const auto& [first, last] : ranges) AddRange(grammar, first, last, alternatives);
  return grammar.Choice(std::move(alternatives));
}

}  // namespace hyprstream::engine
