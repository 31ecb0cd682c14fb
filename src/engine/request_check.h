// What makes a request acceptable, and its one canonical form. Called by the submitting thread.
#pragma once

#include <cstdint>
#include <span>

#include "engine/request.h"

namespace hyprstream::engine {

struct RequestLimits {
  int64_t vocab_size = 0;
  int64_t context = 0;
  bool has_text = false;  // there is a tokenizer
};

/// Errors: as Engine::Submit.
void CheckRequest(const GenerationRequest& request, const RequestLimits& limits);

/// Removes adapters of scale 0, so that such a request is the base model's in every bit and shares
/// its cached prefixes.
void DropIneffectiveAdapters(GenerationRequest& request);

/// Also used for evaluation. Errors: kInvalidArgument naming the position.
void CheckTokens(std::span<const int32_t> tokens, int64_t vocab_size);
void CheckAdapters(std::span<const AdapterChoice> adapters);

}  // namespace hyprstream::engine
