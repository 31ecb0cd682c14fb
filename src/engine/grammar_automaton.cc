#include "engine/grammar_automaton.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kMostPlaces = 2'000'000;
constexpr size_t kMostInState = 20'000;

Error TooComplex() {
  return Error(ErrorCode::kLimit, {.message = "the form that is asked for is too complex"});
}

using Rules = std::vector<std::vector<Grammar::Symbols>>;

/// By rule: whether some finite text matches it. An alternative waits for the rules in it.
std::vector<bool> FindFinite(const Grammar& grammar) {
  const Rules& rules = grammar.rules();
  struct Alternative {
    size_t rule;
    size_t missing;
  };
  std::vector<Alternative> alternatives;
  std::vector<std::vector<size_t>> waiting(rules.size());  // by rule, one entry for each use
  std::vector<bool> finite(rules.size());
  std::vector<size_t> found;
  const auto find = [&](size_t rule) {
    if (!finite[rule]) found.push_back(rule);
    finite[rule] = true;
  };
  for (size_t rule = 0; rule < rules.size(); ++rule) {
    for (const Grammar::Symbols& symbols : rules[rule]) {
      Alternative alternative{rule, 0};
      for (const Grammar::Symbol& symbol : symbols) {
        const auto index = static_cast<size_t>(symbol.index);
        const bool is_rule = symbol.kind == Grammar::Symbol::Kind::kRule;
        if (is_rule) waiting[index].push_back(alternatives.size());
        // A set without bytes is never found.
        if (is_rule || grammar.byte_sets()[index].none()) ++alternative.missing;
      }
      if (alternative.missing == 0) find(rule);
      alternatives.push_back(alternative);
    }
  }
  while (!found.empty()) {
    const size_t rule = found.back();
    found.pop_back();
    for (const size_t use : waiting[rule]) {
      if (--alternatives[use].missing == 0) find(alternatives[use].rule);
    }
  }
  return finite;
}

bool IsFinite(const Grammar::Symbols& symbols, const Grammar& grammar,
              const std::vector<bool>& finite) {
  return std::ranges::all_of(symbols, [&](const Grammar::Symbol& symbol) {
    const auto index = static_cast<size_t>(symbol.index);
    return symbol.kind == Grammar::Symbol::Kind::kRule ? finite[index]
                                                       : grammar.byte_sets()[index].any();
  });
}

}  // namespace

GrammarAutomaton::GrammarAutomaton(const Grammar& grammar) : byte_sets_(grammar.byte_sets()) {
  SortBytes();
  Flatten(grammar);
  Expansion expansion;
  ++expansion_;
  for (const int32_t position : alternatives_[static_cast<size_t>(grammar.root().index)]) {
    Expand(position, -1, expansion);
  }
  start_ = InternState(std::move(expansion));
}

void GrammarAutomaton::SortBytes() {
  std::map<std::vector<bool>, uint8_t> classes;
  for (size_t byte = 0; byte < class_of_.size(); ++byte) {
    std::vector<bool> in;
    for (const ByteSet& set : byte_sets_) in.push_back(set.test(byte));
    class_of_[byte] = classes.emplace(in, static_cast<uint8_t>(classes.size())).first->second;
  }
  classes_ = classes.size();
}

void GrammarAutomaton::Flatten(const Grammar& grammar) {
  const std::vector<bool> finite = FindFinite(grammar);
  for (const auto& rule : grammar.rules()) {
    std::vector<int32_t>& starts = alternatives_.emplace_back();
    for (const Grammar::Symbols& symbols : rule) {
      if (!IsFinite(symbols, grammar, finite)) continue;
      starts.push_back(static_cast<int32_t>(flat_.size()));
      for (const Grammar::Symbol& symbol : symbols) {
        const bool bytes = symbol.kind == Grammar::Symbol::Kind::kBytes;
        flat_.push_back(bytes ? symbol.index : -2 - symbol.index);
      }
      flat_.push_back(kEnd);
    }
  }
}

int32_t GrammarAutomaton::Intern(int32_t position, int32_t parent) {
  const uint64_t key =
      static_cast<uint64_t>(static_cast<uint32_t>(position)) << 32 | static_cast<uint32_t>(parent);
  const auto [found, is_new] = place_ids_.emplace(key, static_cast<int32_t>(places_.size()));
  if (is_new) {
    if (places_.size() >= kMostPlaces) throw TooComplex();
    places_.push_back({position, parent});
    seen_.push_back(0);
  }
  return found->second;
}

// With a list of its own instead of recursion: grammars nest as deep as their authors like. A place
// is looked at once, which also ends loops that match nothing.
void GrammarAutomaton::Expand(int32_t first_position, int32_t first_parent, Expansion& into) {
  std::vector<Place> waiting{{first_position, first_parent}};
  while (!waiting.empty()) {
    const Place at = waiting.back();
    waiting.pop_back();
    const int32_t symbol = flat_[static_cast<size_t>(at.position)];
    if (symbol == kEnd) {
      if (at.parent < 0) {
        into.complete = true;
      } else {
        waiting.push_back(places_[static_cast<size_t>(at.parent)]);
      }
      continue;
    }
    const int32_t place = Intern(at.position, at.parent);
    if (std::exchange(seen_[static_cast<size_t>(place)], expansion_) == expansion_) continue;
    if (symbol >= 0) {
      into.places.push_back(place);
      if (into.places.size() > kMostInState) throw TooComplex();
      continue;
    }
    // A rule at the end of another need not return there.
    const bool last = flat_[static_cast<size_t>(at.position + 1)] == kEnd;
    const int32_t parent = last ? at.parent : Intern(at.position + 1, at.parent);
    for (const int32_t position : alternatives_[static_cast<size_t>(-2 - symbol)]) {
      waiting.push_back({position, parent});
    }
  }
}

GrammarAutomaton::State GrammarAutomaton::InternState(Expansion expansion) {
  if (expansion.places.empty() && !expansion.complete) return kDead;
  std::ranges::sort(expansion.places);
  const auto key = std::pair(std::move(expansion.places), expansion.complete);
  const auto found = state_ids_.find(key);
  if (found != state_ids_.end()) return found->second;
  if (states_.size() >= kMostStates) throw TooComplex();
  const auto state = static_cast<State>(states_.size());
  Content& content = states_.emplace_back();
  content.places = key.first;
  content.complete = key.second;
  content.next.assign(classes_, kUnknown);
  state_ids_.emplace(key, state);
  return state;
}

GrammarAutomaton::State GrammarAutomaton::Step(State state, unsigned char byte) {
  if (state == kDead) return kDead;
  const size_t kind = class_of_[byte];
  const State known = states_[static_cast<size_t>(state)].next[kind];
  if (known != kUnknown) return known;
  Expansion expansion;
  ++expansion_;
  for (const int32_t id : std::vector<int32_t>(states_[static_cast<size_t>(state)].places)) {
    const Place place = places_[static_cast<size_t>(id)];
    const auto set = static_cast<size_t>(flat_[static_cast<size_t>(place.position)]);
    if (byte_sets_[set].test(byte)) Expand(place.position + 1, place.parent, expansion);
  }
  const State next = InternState(std::move(expansion));
  states_[static_cast<size_t>(state)].next[kind] = next;
  return next;
}

}  // namespace hyprstream::engine
