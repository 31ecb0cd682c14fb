#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

bool HasClass(const char* p, uint8_t bits) {
  return (UnicodeClasses::Get()[ReadCodePoint(p).value] & bits) != 0;
}

bool EndsWithWord(std::string_view text) {
  const char* end = text.data() + text.size();
  return !text.empty() && HasClass(PreviousCodePoint(text.data(), end), kWord);
}

bool StartsWithWord(std::string_view text) { return !text.empty() && HasClass(text.data(), kWord); }

/// Where the white space that ends at `end` begins, but not before `begin`.
size_t SpacesBefore(std::string_view text, size_t begin, size_t end) {
  while (end > begin) {
    const char* last = PreviousCodePoint(text.data() + begin, text.data() + end);
    if (!HasClass(last, kSpace)) break;
    end = static_cast<size_t>(last - text.data());
  }
  return end;
}

size_t SpacesAfter(std::string_view text, size_t begin) {
  while (begin < text.size() && HasClass(text.data() + begin, kSpace)) {
    begin += ReadCodePoint(text.data() + begin).length;
  }
  return begin;
}

}  // namespace

void StringFinder::Add(std::string_view pattern, size_t index) {
  if (pattern.empty()) return;
  starts_[static_cast<unsigned char>(pattern[0])] = true;
  uint32_t node = 0;
  for (const char c : pattern) {
    const auto [child, is_new] =
        nodes_[node].children.emplace(c, static_cast<uint32_t>(nodes_.size()));
    node = child->second;
    if (is_new) nodes_.emplace_back();
  }
  nodes_[node].pattern = static_cast<int64_t>(index);
}

/// The longest pattern at `begin` that ends at `limit` or before.
std::optional<StringFinder::Hit> StringFinder::LongestAt(std::string_view text, size_t begin,
                                                         size_t limit) const {
  std::optional<Hit> longest;
  const Node* node = nodes_.data();
  for (size_t i = begin; i < limit; ++i) {
    const auto child = node->children.find(text[i]);
    if (child == node->children.end()) break;
    node = &nodes_[child->second];
    if (node->pattern >= 0) longest = Hit{begin, i + 1, static_cast<size_t>(node->pattern)};
  }
  return longest;
}

std::optional<StringFinder::Hit> StringFinder::FindNext(
    std::string_view text, size_t from, std::span<const MarkedText::Range> inert) const {
  if (empty()) return std::nullopt;
  auto next_inert = std::partition_point(inert.begin(), inert.end(),
                                         [from](const auto& range) { return range.end <= from; });
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    while (next_inert != inert.end() && next_inert->end <= begin) ++next_inert;
    const bool has_inert = next_inert != inert.end();
    if (has_inert && next_inert->begin <= begin) {
      begin = next_inert->end - 1;
      continue;
    }
    if (const auto hit = LongestAt(text, begin, has_inert ? next_inert->begin : text.size())) {
      return hit;
    }
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer)
    : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    sought_.push_back(token.normalized ? normalizer.Apply(token.content) : token.content);
    finders_[Index(token.normalized ? Pass::kNormalized : Pass::kRaw)].Add(sought_.back(), i);
    by_id_[token.id] = i;
    by_content_[token.content] = i;
  }
}

std::vector<Segment> AddedTokens::Cut(std::string_view text, Pass pass, SpecialText special_text,
                                      std::span<const MarkedText::Range> inert) const {
  std::vector<Segment> segments;
  size_t done = 0;
  size_t from = 0;
  const StringFinder& finder = finders_[Index(pass)];
  while (special_text != SpecialText::kInert) {
    const auto hit = finder.FindNext(text, from, inert);
    if (!hit) break;
    from = hit->end;
    const AddedToken& token = tokens_[hit->pattern];
    if (special_text == SpecialText::kPlain && token.special) continue;
    const bool inside_word =
        EndsWithWord(text.substr(0, hit->begin)) || StartsWithWord(text.substr(hit->end));
    if (token.single_word && inside_word) continue;
    const size_t begin =
        token.lstrip && done < hit->begin ? SpacesBefore(text, done, hit->begin) : hit->begin;
    if (done < begin) segments.push_back({{done, begin}, std::nullopt});
    done = token.rstrip ? SpacesAfter(text, hit->end) : hit->end;
    segments.push_back({{begin, done}, token.id});
  }
  if (done < text.size()) segments.push_back({{done, text.size()}, std::nullopt});
  return segments;
}

const AddedToken* AddedTokens::Find(TokenId id) const {
  const auto place = by_id_.find(id);
  return place == by_id_.end() ? nullptr : &tokens_[place->second];
}

const AddedToken* AddedTokens::Find(std::string_view content) const {
  const auto place = by_content_.find(std::string(content));
  return place == by_content_.end() ? nullptr : &tokens_[place->second];
}

std::string_view AddedTokens::DecodedContent(const AddedToken& token) const {
  return sought_[static_cast<size_t>(&token - tokens_.data())];
}

}  // namespace hyprstream::text
