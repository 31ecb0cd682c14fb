// The parts of JSON (RFC 8259) as rules of a grammar. A little narrower than JSON where that costs
// no value: white space only where writers of JSON put it and never much of it, no lone surrogates,
// numbers that a double holds. One thread, while the grammar is built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/code_points.h"
#include "engine/grammar.h"

namespace hyprstream::engine {

class JsonGrammar {
 public:
  using Symbol = Grammar::Symbol;
  using Symbols = Grammar::Symbols;

  /// Adds to `grammar`, which must outlive this.
  explicit JsonGrammar(Grammar& grammar);

  /// After brackets, commas and colons and before closing brackets.
  Symbol space() const { return space_; }
  Symbol any_value() const { return any_value_; }
  Symbol any_object() const { return any_object_; }
  Symbol any_array() const { return any_array_; }
  Symbol number() const { return number_; }
  Symbol boolean() const { return boolean_; }

  /// With its quotes; the length in characters; `most` below zero: without end.
  Symbols String(int64_t least, int64_t most);
  /// An integer without fraction or exponent, at most 16 digits unless the bounds want more.
  Symbol Integer(std::optional<int64_t> least, std::optional<int64_t> most);
  /// The name of a member, with its quotes, that is none of `names` (UTF-8).
  Symbol NameOtherThan(const std::vector<std::string>& names);
  /// "name": value
  Symbols Member(Symbols name, Symbol value);
  /// "," before something else.
  Symbols Comma();

 private:
  using Name = std::vector<uint32_t>;

  void AddStrings();
  void AddNumbers();
  void AddValues();
  Symbol NameRest(const std::vector<Name>& names, size_t at);
  Symbol Magnitude(uint64_t least, uint64_t most);
  Symbols SameLength(const std::string& least, const std::string& most);

  Grammar& grammar_;
  Symbol space_;
  Symbol character_;   // of a string, escaped or not
  Symbol plain_rest_;  // of a string without escapes, with the closing quote
  Symbol digit_;
  Symbol number_;
  Symbol boolean_;
  Symbol any_value_;
  Symbol any_object_;
  Symbol any_array_;
};

}  // namespace hyprstream::engine
