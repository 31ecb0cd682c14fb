// One request on its way through the engine: its tokens, where their keys and values lie, and what
// draws and words its answer. Made by the submitting thread, then owned by the engine thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/answer_text.h"
#include "engine/constraint.h"
#include "engine/event_channel.h"
#include "engine/page_key.h"
#include "engine/prompt_lookup.h"
#include "engine/request.h"
#include "engine/sampler.h"
#include "ops/attention.h"

namespace hyprstream::engine {

using Clock = std::chrono::steady_clock;

struct SequenceTimes {
  Clock::time_point submitted;
  Clock::time_point scheduled;  // first
  Clock::time_point first_token;
  Clock::time_point last_token;
};

struct Sequence {
  Sequence(GenerationRequest asked, PageKey root, Sampler drawing, AnswerText answer)
      : request(std::move(asked)),
        tokens(request.prompt),
        root_key(root),
        sampler(std::move(drawing)),
        text(std::move(answer)) {
    if (request.constraint != nullptr) form.emplace(request.constraint);
  }

  /// Takes the memory of its longest answer at once, so that no token has to wait for it.
  /// `draft_tokens`: most that are guessed at once.
  void ReserveFor(int64_t context, int64_t draft_tokens) {
    longest = std::min(length() + request.max_tokens, context);
    const auto most_pages = static_cast<size_t>(longest / ops::kPageTokens + 1);
    tokens.reserve(static_cast<size_t>(longest));
    pages.reserve(most_pages);
    keys.reserve(most_pages);
    if (draft_tokens == 0) return;
    guesses.reserve(static_cast<size_t>(draft_tokens));
    lookup.Reserve(longest);
  }

  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
  int64_t pending() const { return length() - computed; }
  int64_t generated() const { return length() - static_cast<int64_t>(request.prompt.size()); }
  int64_t may_generate() const { return longest - length(); }

  GenerationRequest request;
  std::shared_ptr<EventChannel> channel = std::make_shared<EventChannel>();
  uint64_t arrival = 0;         // order among all requests of the engine
  std::vector<int32_t> tokens;  // prompt and answer
  int64_t longest = 0;          // tokens with which the answer ends in any case
  PromptLookup lookup;
  std::vector<int32_t> guesses;  // of the step in progress: what may follow `tokens`
  int64_t computed = 0;          // leading tokens whose keys and values are in the pages
  std::vector<int32_t> pages;    // held; empty while waiting
  PageKey root_key;
  std::vector<PageKey> keys;  // of the pages filled by `tokens`
  int64_t published = 0;      // leading pages offered for reuse
  int64_t cached_tokens = 0;  // of the prompt, found when first scheduled
  bool started = false;       // has been scheduled before
  bool counted = false;       // is in the engine's statistics
  Sampler sampler;
  AnswerText text;
  std::optional<ConstraintCursor> form;  // what the answer is held to
  SequenceTimes times;
};

}  // namespace hyprstream::engine
