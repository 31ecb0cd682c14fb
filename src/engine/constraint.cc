#include "engine/constraint.h"

#include <limits>
#include <string>
#include <utility>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kMostMasks = 4096;

}  // namespace

Constraint::Constraint(const Grammar& grammar, std::shared_ptr<const TokenTrie> tokens)
    : tokens_(std::move(tokens)), automaton_(grammar), start_(automaton_.start()) {
  if (start_ == GrammarAutomaton::kDead) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "no text has the form that is asked for"});
  }
}

std::shared_ptr<const TokenMask> Constraint::Allowed(State state) {
  const std::lock_guard lock(mutex_);
  if (const auto known = masks_.find(state); known != masks_.end()) return known->second;
  auto mask = std::make_shared<const TokenMask>(MakeMask(state));
  if (masks_.size() < kMostMasks) masks_.emplace(state, mask);
  return mask;
}

// Through the tree of tokens, passing over everything below a byte that may not come.
TokenMask Constraint::MakeMask(State state) {
  TokenMask mask(static_cast<size_t>(tokens_->vocab_size() + 63) / 64);
  path_.assign(tokens_->most_bytes() + size_t{1}, state);
  const std::span<const TokenTrie::Node> nodes = tokens_->nodes();
  for (size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const State next = automaton_.Step(path_[node.depth - size_t{1}], node.byte);
    if (next == GrammarAutomaton::kDead) {
      i = static_cast<size_t>(node.after);
      continue;
    }
    path_[node.depth] = next;
    for (const int32_t token : tokens_->TokensOf(i)) {
      mask[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
    }
    ++i;
  }
  return mask;
}

Constraint::State Constraint::Advance(State state, int32_t token) {
  const std::lock_guard lock(mutex_);
  for (const char byte : tokens_->BytesOf(token)) {
    state = automaton_.Step(state, static_cast<unsigned char>(byte));
  }
  if (state != GrammarAutomaton::kDead) return state;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "a token was drawn that the form does not allow",
               .found = std::to_string(token)});
}

bool Constraint::complete(State state) const {
  const std::lock_guard lock(mutex_);
  return automaton_.complete(state);
}

bool Constraint::exhausted(State state) const {
  const std::lock_guard lock(mutex_);
  return automaton_.exhausted(state);
}

bool Constraint::worn() const {
  const std::lock_guard lock(mutex_);
  return automaton_.states() > GrammarAutomaton::kMostStates / 4;
}

void ConstraintCursor::Mask(std::span<float> row, std::span<const int32_t> end_ids) {
  const std::shared_ptr<const TokenMask> mask = constraint_->Allowed(state_);
  std::vector<std::pair<int32_t, float>> ends;
  if (constraint_->complete(state_)) {
    for (const int32_t id : end_ids) {
      if (static_cast<size_t>(id) < row.size()) ends.emplace_back(id, row[static_cast<size_t>(id)]);
    }
  }
  bool any = !ends.empty();
  for (size_t i = 0; i < row.size(); ++i) {
    const bool allowed = i / 64 < mask->size() && ((*mask)[i / 64] >> (i % 64) & 1) != 0;
    any = any || allowed;
    if (!allowed) row[i] = -std::numeric_limits<float>::infinity();
  }
  for (const auto& [id, logit] : ends) row[static_cast<size_t>(id)] = logit;
  if (any) return;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "no token of the vocabulary continues the form that is asked for"});
}

}  // namespace hyprstream::engine
