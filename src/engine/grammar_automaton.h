// A grammar as an automaton over bytes, made state by state as states are reached: each is the set
// of places in the grammar, with the rules to return to, where the text so far may stand. After a
// while of writing, a step is a look into a table. What could never end is left out, so from every
// state that is not dead some text leads to the end. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "engine/grammar.h"

namespace hyprstream::engine {

class GrammarAutomaton {
 public:
  using State = int32_t;
  static constexpr State kDead = -1;  // no text that begins so is part of the language

  explicit GrammarAutomaton(const Grammar& grammar);

  State start() const { return start_; }
  /// Errors: kLimit when there have been too many states.
  State Step(State state, unsigned char byte);
  /// States made so far, and how many there may be.
  size_t states() const { return states_.size(); }
  static constexpr size_t kMostStates = 100'000;
  /// The text so far is whole.
  bool complete(State state) const { return states_[static_cast<size_t>(state)].complete; }
  /// The text so far is whole and nothing can be added to it.
  bool exhausted(State state) const {
    const Content& content = states_[static_cast<size_t>(state)];
    return content.complete && content.places.empty();
  }

 private:
  /// Where the text stands: before a set of bytes, or (as a parent) where to return to.
  struct Place {
    int32_t position = 0;  // into flat_
    int32_t parent = 0;    // into places_; -1: none
  };
  struct Content {
    std::vector<int32_t> places;  // ascending; each before a set of bytes
    bool complete = false;
    std::vector<State> next;  // by class of byte; kUnknown until asked for
  };
  struct Expansion {
    std::vector<int32_t> places;
    bool complete = false;
  };
  static constexpr State kUnknown = -2;
  static constexpr int32_t kEnd = -1;  // marks the end of an alternative in flat_

  void SortBytes();
  void Flatten(const Grammar& grammar);
  int32_t Intern(int32_t position, int32_t parent);
  void Expand(int32_t position, int32_t parent, Expansion& into);
  State InternState(Expansion expansion);

  std::vector<ByteSet> byte_sets_;
  std::array<uint8_t, 256> class_of_{};  // bytes that no set tells apart have the same
  size_t classes_ = 0;
  // Symbols one after the other: ≥ 0 a set of bytes, kEnd, or below that -2 - rule.
  std::vector<int32_t> flat_;
  std::vector<std::vector<int32_t>> alternatives_;  // of each rule, positions in flat_
  std::vector<Place> places_;
  std::unordered_map<uint64_t, int32_t> place_ids_;
  std::vector<uint32_t> seen_;  // by place: the expansion that has been there last
  uint32_t expansion_ = 0;
  std::vector<Content> states_;
  std::map<std::pair<std::vector<int32_t>, bool>, State> state_ids_;
  State start_ = 0;
};

}  // namespace hyprstream::engine
