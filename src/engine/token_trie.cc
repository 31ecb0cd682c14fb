#include "engine/token_trie.h"

#include <algorithm>

#include "text/token_bytes.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kMostBytes = 60'000;  // of a token; longer ones cannot be chosen

size_t CommonPrefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

std::shared_ptr<const TokenTrie> TokenTrie::Of(const text::Tokenizer& tokenizer) {
  auto trie = std::make_shared<TokenTrie>();
  std::vector<int32_t> order;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    std::string bytes = tokenizer.IsSpecial(id) ? "" : text::TokenBytes(tokenizer, id);
    if (bytes.size() > kMostBytes) bytes.clear();
    if (!bytes.empty()) order.push_back(id);
    trie->bytes_.push_back(std::move(bytes));
  }
  const auto bytes_of = [&](int32_t id) -> std::string_view {
    return trie->bytes_[static_cast<size_t>(id)];
  };
  std::ranges::sort(order, [&](int32_t a, int32_t b) { return bytes_of(a) < bytes_of(b); });
  std::vector<size_t> path;  // nodes from the root to where the last token ended
  const auto close_to = [&](size_t depth) {
    while (path.size() > depth) {
      trie->nodes_[path.back()].after = static_cast<int32_t>(trie->nodes_.size());
      path.pop_back();
    }
  };
  std::string_view previous;
  for (const int32_t id : order) {
    const std::string_view bytes = bytes_of(id);
    close_to(CommonPrefix(previous, bytes));
    for (size_t depth = path.size(); depth < bytes.size(); ++depth) {
      path.push_back(trie->nodes_.size());
      trie->nodes_.push_back({.byte = static_cast<uint8_t>(bytes[depth]),
                              .depth = static_cast<uint16_t>(depth + 1),
                              .tokens_end = static_cast<int32_t>(trie->tokens_.size())});
    }
    trie->tokens_.push_back(id);
    trie->nodes_[path.back()].tokens_end = static_cast<int32_t>(trie->tokens_.size());
    trie->most_bytes_ = std::max(trie->most_bytes_, static_cast<uint16_t>(bytes.size()));
    previous = bytes;
  }
  close_to(0);
  return trie;
}

std::span<const int32_t> TokenTrie::TokensOf(size_t node) const {
  const auto begin = static_cast<size_t>(node == 0 ? 0 : nodes_[node - 1].tokens_end);
  const auto end = static_cast<size_t>(nodes_[node].tokens_end);
  return std::span(tokens_).subspan(begin, end - begin);
}

std::string_view TokenTrie::BytesOf(int32_t token) const {
  return token >= 0 && token < vocab_size() ? std::string_view(bytes_[static_cast<size_t>(token)])
                                            : std::string_view();
}

}  // namespace hyprstream::engine
