// The bytes of every token of a vocabulary as one tree, so that tokens that begin alike are looked
// at together. Immutable: any thread may read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace hyprstream::engine {

class TokenTrie {
 public:
  /// Without special tokens, whose text is no part of an answer.
  static std::shared_ptr<const TokenTrie> Of(const text::Tokenizer& tokenizer);

  struct Node {
    uint8_t byte = 0;
    uint16_t depth = 0;      // the root's children have 1
    int32_t after = 0;       // the node that follows this one's whole subtree
    int32_t tokens_end = 0;  // its tokens are those from the previous node's end on
  };
  /// In the order that visits a node before its children; no root.
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const int32_t> TokensOf(size_t node) const;
  std::string_view BytesOf(int32_t token) const;
  int64_t vocab_size() const { return static_cast<int64_t>(bytes_.size()); }
  uint16_t most_bytes() const { return most_bytes_; }

 private:
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;  // in the nodes' order
  std::vector<std::string> bytes_;
  uint16_t most_bytes_ = 0;
};

}  // namespace hyprstream::engine
