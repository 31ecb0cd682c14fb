#include "engine/request_check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kMaxStops = 64;
constexpr size_t kMaxStopBytes = 4096;

Error Refusal(ErrorDetail detail) { return Error(ErrorCode::kInvalidArgument, std::move(detail)); }

void CheckLength(const GenerationRequest& request, int64_t context) {
  if (static_cast<int64_t>(request.prompt.size()) < context) return;
  throw Refusal({.message = "the prompt leaves no room for an answer in the context",
                 .expected = "at most " + std::to_string(context - 1) +
                             " tokens, for a context of " + std::to_string(context),
                 .found = std::to_string(request.prompt.size()) + " tokens",
                 .where = "context",
                 .hint = "shorten the prompt or start with a longer context"});
}

void CheckStops(const GenerationRequest& request, const RequestLimits& limits) {
  if (!request.stop.empty() && !limits.has_text) {
    throw Refusal({.message = "stop strings need a tokenizer",
                   .found = "a model without one",
                   .where = "stop",
                   .hint = "use stop ids"});
  }
  if (request.stop.size() > kMaxStops) {
    throw Refusal({.message = "too many stop strings",
                   .expected = "at most " + std::to_string(kMaxStops),
                   .found = std::to_string(request.stop.size()),
                   .where = "stop"});
  }
  for (const std::string& stop : request.stop) {
    if (!stop.empty() && stop.size() <= kMaxStopBytes) continue;
    throw Refusal({.message = "a stop string has a wrong length",
                   .expected = "1 to " + std::to_string(kMaxStopBytes) + " bytes",
                   .found = std::to_string(stop.size()),
                   .where = "stop"});
  }
}

}  // namespace

void CheckTokens(std::span<const int32_t> tokens, int64_t vocab_size) {
  if (tokens.empty()) {
    throw Refusal({.message = "there is no token to begin with",
                   .expected = "at least one",
                   .where = "prompt"});
  }
  const auto wrong = std::find_if(tokens.begin(), tokens.end(),
                                  [vocab_size](int32_t id) { return id < 0 || id >= vocab_size; });
  if (wrong == tokens.end()) return;
  throw Refusal({.message = "the prompt has a token that the model does not know",
                 .expected = "ids from 0 to " + std::to_string(vocab_size - 1),
                 .found = std::to_string(*wrong),
                 .where = "prompt, position " + std::to_string(wrong - tokens.begin())});
}

void CheckAdapters(std::span<const AdapterChoice> adapters) {
  for (const AdapterChoice& choice : adapters) {
    HYPR_CHECK(choice.adapter != nullptr);
    const LoadedAdapter& adapter = *choice.adapter;
    if (adapter.content_hash.empty()) {
      throw Refusal({.message = "an adapter has no content hash", .where = adapter.name});
    }
    if (!std::isfinite(choice.scale)) {
      throw Refusal({.message = "an adapter's scale is not a finite number",
                     .found = std::to_string(choice.scale),
                     .where = adapter.name});
    }
  }
}

void CheckRequest(const GenerationRequest& request, const RequestLimits& limits) {
  CheckTokens(request.prompt, limits.vocab_size);
  CheckLength(request, limits.context);
  if (request.max_tokens < 0) {
    throw Refusal({.message = "max_tokens is out of range",
                   .expected = "0 or more",
                   .found = std::to_string(request.max_tokens),
                   .where = "max_tokens"});
  }
  ValidateSampling(request.sampling, limits.vocab_size);
  CheckStops(request, limits);
  if (request.constraint != nullptr && !limits.has_text) {
    throw Refusal({.message = "a form for the answer needs a tokenizer",
                   .found = "a model without one",
                   .where = "response_format"});
  }
  CheckAdapters(request.adapters);
}

void DropIneffectiveAdapters(GenerationRequest& request) {
  std::erase_if(request.adapters, [](const AdapterChoice& choice) { return choice.scale == 0.0f; });
}

}  // namespace hyprstream::engine
