// What every door (command line, HTTP, Flight) asks of the engine and what it gets back. Typed
// values only: no transport, no JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "engine/sampling.h"
#include "model/modules.h"

namespace hyprstream::engine {

class Constraint;

/// An adapter version loaded for serving. Immutable; a request keeps the one it started with.
struct LoadedAdapter {
  std::string name;          // "tone@7"
  std::string content_hash;  // keys cached prefixes
  model::AdapterViews views;
  std::shared_ptr<const void> storage;  // keeps what the views point to alive
};

struct AdapterChoice {
  std::shared_ptr<const LoadedAdapter> adapter;
  float scale = 1.0f;
};

struct GenerationRequest {
  std::vector<int32_t> prompt = {};  // at least one token
  int32_t max_tokens = 512;          // 0: the answer is empty and ends with kLength
  int64_t context = 0;               // longest prompt and answer together; 0: the engine's
  SamplingParams sampling = {};
  std::vector<std::string> stop = {};  // never part of the answer
  std::vector<int32_t> stop_ids = {};  // besides the model's end-of-generation ids
  bool ignore_eos = false;
  bool skip_special_text = true;  // special tokens are left out of the answer's text
  std::vector<AdapterChoice> adapters = {};
  std::shared_ptr<Constraint> constraint = {};  // what form the answer has; null: any
};

enum class FinishReason { kStop, kLength, kCancelled, kError };
/// "stop", "length", "cancelled", "error".
std::string_view FinishReasonName(FinishReason reason);

/// One generated token and the text that may be shown now (empty while a character or a possible
/// stop string is incomplete). A token that ends the generation (end of text, stop_ids) is no part
/// of the answer: it makes no event and is not counted.
struct TokenEvent {
  int32_t id = 0;
  std::string text = {};
  std::optional<float> logprob = {};
  std::vector<TokenLogprob> top = {};
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, found in the prefix cache
  int64_t generated_tokens = 0;
  std::chrono::nanoseconds queued{};
  std::chrono::nanoseconds prefill{};  // first scheduled to first token
  std::chrono::nanoseconds decode{};   // first token to last token
};

struct Finished {
  FinishReason reason = FinishReason::kStop;
  std::string text = {};                 // what was still held back
  std::optional<std::string> stop = {};  // the stop string that ended it
  std::optional<int32_t> stop_id = {};   // or the token that ended it
  std::optional<Error> error = {};       // for kError
  uint64_t seed = 0;                     // what was drawn with
  Usage usage = {};
};

using GenerationEvent = std::variant<TokenEvent, Finished>;

}  // namespace hyprstream::engine
