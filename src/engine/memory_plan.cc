#include "engine/memory_plan.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/thread_pool.h"
#include "ops/attention.h"

namespace hyprstream::engine {
namespace {

constexpr int64_t kDefaultContext = 4096;
constexpr int64_t kDefaultContexts = 8;  // full contexts that a cache of default size holds
constexpr int64_t kCheapRows = 16;  // a step of so many rows takes little longer than one of a few

void RequireBetween(std::string_view name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = std::string(name) + " is out of range",
               .expected = std::to_string(least) + " to " + std::to_string(most),
               .found = std::to_string(value),
               .where = std::string(name)});
}

int64_t PagesFor(int64_t tokens) { return (tokens + ops::kPageTokens - 1) / ops::kPageTokens; }

EngineOptions ResolveCounts(const model::ModelConfig& config, EngineOptions options) {
  if (options.context == 0) {
    options.context = std::min(config.context_length(), kDefaultContext);
  }
  RequireBetween("context", options.context, 2, config.context_length());
  RequireBetween("threads", options.threads, 0, 1024);
  RequireBetween("max_batch_rows", options.max_batch_rows, 1, 1 << 16);
  RequireBetween("max_sequences", options.max_sequences, 1, 1 << 16);
  RequireBetween("draft_tokens", options.draft_tokens, 0, 64);
  if (!(options.train_share >= 0.0 && options.train_share <= 0.9)) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "train_share is out of range",
                                              .expected = "0 to 0.9",
                                              .found = std::to_string(options.train_share),
                                              .where = "train_share"});
  }
  if (options.threads == 0) options.threads = AvailableProcessors();
  options.max_sequences = std::min(options.max_sequences, options.max_batch_rows);
  if (options.cache_dtype != DType::kBF16 && options.cache_dtype != DType::kF32) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "the cache cannot have this type",
                                              .expected = "BF16 or F32",
                                              .found = std::string(Name(options.cache_dtype)),
                                              .where = "cache_dtype"});
  }
  return options;
}

int64_t DraftRows(const EngineOptions& options) {
  return options.draft_tokens == 0 ? 0 : std::max<int64_t>(kCheapRows, options.draft_tokens + 1);
}

// Rows of every width that is alive at once in a layer, and the logits of every sequence and guess.
Bytes EstimateScratch(const model::ModelConfig& config, const EngineOptions& options) {
  const int64_t intermediate =
      std::max(config.intermediate_size,
               config.moe.intermediate_size * std::max<int64_t>(1, config.moe.experts_per_token));
  const int64_t attention =
      config.head_dim * (2 * config.num_attention_heads + 2 * config.num_key_value_heads);
  const int64_t row = 4 * config.hidden_size + std::max(attention, 3 * intermediate);
  const int64_t floats =
      row * options.max_batch_rows +
      config.vocab_size * std::max<int64_t>(options.max_sequences, DraftRows(options));
  return {static_cast<uint64_t>(floats) * sizeof(float)};
}

[[noreturn]] void RefuseCache(const EngineOptions& options, uint64_t page_bytes, uint64_t room) {
  const int64_t pages = static_cast<int64_t>(room / page_bytes);
  const auto needed = static_cast<uint64_t>(PagesFor(options.context)) * page_bytes;
  throw Error(ErrorCode::kResourceExhausted,
              {.message = "the key/value cache of one context does not fit",
               .expected = "room for " + FormatBytes({needed}) + ", a context of " +
                           std::to_string(options.context) + " tokens",
               .found = FormatBytes({room}),
               .hint = pages == 0 ? "not even " + std::to_string(ops::kPageTokens) + " tokens fit"
                                  : "a context of " + std::to_string(pages * ops::kPageTokens) +
                                        " tokens would fit"});
}

}  // namespace

MemoryPlan PlanMemory(const model::Model& model, const EngineOptions& options,
                      const MemoryBudget* budget) {
  const model::ModelConfig& config = model.config();
  MemoryPlan plan{.options = ResolveCounts(config, options)};
  plan.page_bytes = model.CacheLayout(nullptr, plan.options.cache_dtype).page_bytes();
  plan.draft_rows = DraftRows(plan.options);
  plan.scratch = EstimateScratch(config, plan.options);
  const uint64_t available =
      budget == nullptr ? std::numeric_limits<uint64_t>::max() : budget->available().value;
  const uint64_t room = available - std::min(available, plan.scratch.value);
  const auto one = static_cast<uint64_t>(PagesFor(plan.options.context));
  uint64_t pages = options.cache_bytes.value / plan.page_bytes;
  if (options.cache_bytes.value == 0) {
    const int64_t contexts = std::min<int64_t>(kDefaultContexts, plan.options.max_sequences);
    pages = std::min(one * static_cast<uint64_t>(contexts), room / plan.page_bytes);
  }
  if (pages < one) {
    RefuseCache(plan.options, plan.page_bytes,
                options.cache_bytes.value == 0 ? room : options.cache_bytes.value);
  }
  plan.pages = static_cast<int64_t>(std::min<uint64_t>(pages, std::numeric_limits<int32_t>::max()));
  plan.options.cache_bytes = {static_cast<uint64_t>(plan.pages) * plan.page_bytes};
  return plan;
}

}  // namespace hyprstream::engine
