// An answer that is to have a form: which tokens may come next so that it can still become a text
// of a grammar. One Constraint serves any number of sequences; what has been found out about a
// state is kept. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/grammar_automaton.h"
#include "engine/token_trie.h"

namespace hyprstream::engine {

/// One bit for each id.
using TokenMask = std::vector<uint64_t>;

class Constraint {
 public:
  using State = GrammarAutomaton::State;

  /// Errors: kLimit for a grammar that is too complex.
  Constraint(const Grammar& grammar, std::shared_ptr<const TokenTrie> tokens);

  State start() const { return start_; }
  /// Tokens that may come next, without those that end the answer. Errors: kLimit.
  std::shared_ptr<const TokenMask> Allowed(State state);
  /// After an allowed token. Errors: kLimit; kFailedPrecondition for another one.
  State Advance(State state, int32_t token);
  bool complete(State state) const;
  bool exhausted(State state) const;
  /// So much has been found out that a new one should be made for requests to come.
  bool worn() const;

 private:
  TokenMask MakeMask(State state);

  const std::shared_ptr<const TokenTrie> tokens_;
  mutable std::mutex mutex_;
  GrammarAutomaton automaton_;                                         // guarded by mutex_
  std::unordered_map<State, std::shared_ptr<const TokenMask>> masks_;  // guarded by mutex_
  std::vector<State> path_;                                            // guarded by mutex_
  const State start_;
};

/// Where one sequence stands. The thread that draws its tokens.
class ConstraintCursor {
 public:
  explicit ConstraintCursor(std::shared_ptr<Constraint> constraint)
      : constraint_(std::move(constraint)), state_(constraint_->start()) {}

  /// Makes what may not come impossible in `row`. `end_ids` end the answer, which they may once it
  /// is whole. Errors: kFailedPrecondition when no token of the vocabulary may come; kLimit.
  void Mask(std::span<float> row, std::span<const int32_t> end_ids);
  /// After a token that Mask has allowed, other than those that end the answer.
  void Advance(int32_t token) { state_ = constraint_->Advance(state_, token); }
  /// The answer is whole and nothing can be added.
  bool exhausted() const { return constraint_->exhausted(state_); }

 private:
  std::shared_ptr<Constraint> constraint_;
  Constraint::State state_;
};

}  // namespace hyprstream::engine
