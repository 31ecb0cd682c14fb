// Added tokens: strings that are one id wherever they are written in a text, found before the text
// is cut into words. Immutable after construction: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/marked_text.h"
#include "text/normalizer.h"
#include "text/split.h"
#include "text/tokenizer.h"

namespace hyprstream::text {

struct AddedToken {
  static constexpr size_t kMaxBytes = 1024;

  TokenId id = 0;
  std::string content = {};
  bool single_word = false;  // only between characters that are not word characters
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and behind it
  bool normalized = false;   // looked for in the normalised text, as normalised itself
  bool special = false;      // left out by decoding with skip_special
};

/// Finds the longest of several strings at each position, from left to right.
class StringFinder {
 public:
  struct Hit {
    size_t begin = 0, end = 0;
    size_t pattern = 0;
  };
  void Add(std::string_view pattern, size_t index);
  bool empty() const { return nodes_.size() == 1; }
  /// The next hit that starts at `from` or later and does not touch `inert` (ascending).
  std::optional<Hit> FindNext(std::string_view text, size_t from,
                              std::span<const MarkedText::Range> inert) const;

 private:
  struct Node {
    std::unordered_map<char, uint32_t> children;
    int64_t pattern = -1;
  };
  std::optional<Hit> LongestAt(std::string_view text, size_t begin, size_t limit) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<bool, 256> starts_{};
};

/// A piece of text between added tokens, or one of them.
struct Segment {
  Range range;
  std::optional<TokenId> id = {};
};

class AddedTokens {
 public:
  AddedTokens() = default;
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer);

  /// Pass 1 looks for the tokens in raw text, pass 2 for the normalized ones in normalised text.
  enum class Pass { kRaw, kNormalized };
  bool has(Pass pass) const { return !finders_[Index(pass)].empty(); }
  std::vector<Segment> Cut(std::string_view text, Pass pass, SpecialText special_text,
                           std::span<const MarkedText::Range> inert) const;

  std::span<const AddedToken> tokens() const { return tokens_; }
  const AddedToken* Find(TokenId id) const;
  const AddedToken* Find(std::string_view content) const;
  /// What decoding writes for the token: its content, normalised if the token is.
  std::string_view DecodedContent(const AddedToken& token) const;

 private:
  static size_t Index(Pass pass) { return static_cast<size_t>(pass); }
  std::vector<AddedToken> tokens_;
  std::vector<std::string> sought_;  // the strings looked for, by index of tokens_
  std::unordered_map<TokenId, size_t> by_id_;
  std::unordered_map<std::string, size_t> by_content_;
  std::array<StringFinder, 2> finders_;
};

}  // namespace hyprstream::text
