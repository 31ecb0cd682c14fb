// Strings with ids: the model's vocabulary, and the byte strings its tokens stand for. Filled once,
// then immutable: any thread may look up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hyprstream::text {

class StringTable {
 public:
  static constexpr TokenId kNone = -1;

  StringTable();

  /// Keeps `text` under `id` ≥ 0. An id that is in use gives its string up; a string that is in use
  /// moves to the new id.
  void Add(std::string_view text, TokenId id);
  void Reserve(size_t strings, size_t bytes);

  TokenId Find(std::string_view text) const;
  /// Empty for an id without a string.
  std::string_view operator[](TokenId id) const {
    if (id < 0 || static_cast<size_t>(id) >= spans_.size()) return {};
    const Span& span = spans_[static_cast<size_t>(id)];
    return {bytes_.data() + span.begin, span.size};
  }
  bool Contains(TokenId id) const {
    return id >= 0 && static_cast<size_t>(id) < spans_.size() &&
           spans_[static_cast<size_t>(id)].used;
  }
  /// One more than the largest id.
  TokenId end_id() const { return static_cast<TokenId>(spans_.size()); }
  size_t longest() const { return longest_; }

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t size = 0;
    bool used = false;
  };
  struct Slot {
    uint32_t hash = 0;
    TokenId id = kNone;
  };
  size_t FindSlot(std::string_view text, uint32_t hash) const;
  void Grow(size_t slots);

  std::string bytes_;
  std::vector<Span> spans_;  // by id
  std::vector<Slot> slots_;  // open addressing, a power of two
  size_t used_slots_ = 0;
  size_t longest_ = 0;
  uint64_t seed_;
};

/// A 64-bit hash of `text` for tables in memory; `seed` keeps chosen strings from colliding.
uint64_t HashBytes(std::string_view text, uint64_t seed);
__extension__ using Uint128 = unsigned __int128;
/// Mixes all bits of `value` into all bits of the result.
inline uint64_t MixBits(uint64_t a, uint64_t b) {
  const auto product = static_cast<Uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
/// Different in every process.
uint64_t ProcessSeed();

}  // namespace hyprstream::text
