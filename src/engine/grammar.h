// A context-free grammar over bytes: what an answer may be. Built rule by rule, then compiled into
// an Automaton. No rule may begin with itself. Plain data; one thread while it is built.
#pragma once

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace hyprstream::engine {

using ByteSet = std::bitset<256>;
/// The bytes from `first` to `last`, both included.
ByteSet ByteRange(unsigned char first, unsigned char last);
ByteSet BytesOf(std::string_view bytes);

class Grammar {
 public:
  /// One of a set of bytes, or a rule.
  struct Symbol {
    enum class Kind : uint8_t { kBytes, kRule };
    Kind kind = Kind::kBytes;
    int32_t index = 0;
    friend bool operator==(const Symbol&, const Symbol&) = default;
  };
  using Symbols = std::vector<Symbol>;
  static constexpr size_t kMostSymbols = 500'000;

  /// A rule without alternatives, to be given some; it matches nothing until then.
  Symbol NewRule();
  void AddAlternative(Symbol rule, Symbols symbols);
  /// Errors of all that add: kLimit when the grammar becomes too large.
  Symbol AnyOf(const ByteSet& bytes);

  // Combinations.
  Symbols Literal(std::string_view text);
  Symbol Choice(std::vector<Symbols> alternatives);
  Symbol Optional(Symbols symbols);
  /// `symbols` at least `least` times and at most `most` times; without end when that is negative.
  Symbols Repeat(const Symbols& symbols, int64_t least, int64_t most);

  /// What is matched as a whole.
  void SetRoot(Symbol rule) { root_ = rule; }
  Symbol root() const { return root_; }

  const std::vector<ByteSet>& byte_sets() const { return byte_sets_; }
  const std::vector<std::vector<Symbols>>& rules() const { return rules_; }

 private:
  void Count(size_t symbols);

  std::vector<ByteSet> byte_sets_;
  std::vector<std::vector<Symbols>> rules_;
  Symbol root_;
  size_t symbols_ = 0;
};

/// One list after the other.
Grammar::Symbols Join(std::initializer_list<Grammar::Symbols> parts);

}  // namespace hyprstream::engine
