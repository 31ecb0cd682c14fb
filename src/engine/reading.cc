#include "engine/reading.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>

#include "base/error.h"
#include "engine/exponential.h"
#include "engine/page_memory.h"
#include "engine/request_check.h"
#include "engine/top_selector.h"

namespace hyprstream::engine {
namespace {

/// Rows computed at once, and bytes of their logits: bound the memory, not the result.
constexpr int64_t kMostRows = 256;
constexpr int64_t kMostLogitBytes = int64_t{64} << 20;

enum class Logits { kNone, kAll };
/// Position of the chunk's first row, its final states [rows, hidden], its logits [rows, vocab].
using Visitor = std::function<void(int64_t begin, ConstMatrix states, ConstMatrix logits)>;

void Check(const model::Model& model, std::span<const int32_t> ids, const ReadOptions& options) {
  CheckTokens(ids, model.config().vocab_size);
  CheckAdapters(options.adapters);
  const int64_t context = model.config().context_length();
  if (static_cast<int64_t>(ids.size()) <= context) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the text is longer than the context",
               .expected = "at most " + std::to_string(context) + " tokens",
               .found = std::to_string(ids.size()) + " tokens",
               .where = "context"});
}

int64_t ChunkRows(const model::Model& model, Logits wanted) {
  if (wanted == Logits::kNone) return kMostRows;
  const int64_t row_bytes = model.config().vocab_size * static_cast<int64_t>(sizeof(float));
  return std::clamp(kMostLogitBytes / row_bytes, int64_t{1}, kMostRows);
}

void ReadThrough(ops::Context& context, const model::Model& model, std::span<const int32_t> ids,
                 const ReadOptions& options, Logits wanted, const Visitor& visit) {
  Check(model, ids, options);
  const auto tokens = static_cast<int64_t>(ids.size());
  std::vector<int32_t> pages(static_cast<size_t>((tokens - 1) / ops::kPageTokens + 1));
  std::iota(pages.begin(), pages.end(), 0);
  const uint64_t page_bytes = model.CacheLayout(nullptr, options.cache_dtype).page_bytes();
  PageMemory memory(static_cast<int64_t>(pages.size()), page_bytes, options.budget);
  const model::CacheView cache = model.CacheLayout(memory.base(), options.cache_dtype);
  const int64_t most = ChunkRows(model, wanted);
  for (int64_t begin = 0; begin < tokens; begin += most) {
    const int64_t rows = std::min(most, tokens - begin);
    std::vector<int32_t> positions(static_cast<size_t>(rows));
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(begin));
    std::vector<int32_t> outputs;
    if (wanted == Logits::kAll) {
      outputs.resize(static_cast<size_t>(rows));
      std::iota(outputs.begin(), outputs.end(), 0);
    }
    std::vector<model::AdapterUse> adapters;
    for (const AdapterChoice& choice : options.adapters) {
      adapters.push_back({0, rows, &choice.adapter->views, choice.scale});
    }
    const ops::SequenceRows sequence{
        .row_begin = 0, .row_end = rows, .first_position = begin, .pages = pages};
    const model::Batch batch{
        .tokens = ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)),
        .positions = positions,
        .sequences = {&sequence, 1},
        .output_rows = outputs,
        .adapters = adapters,
        .prompt_lengths = {&tokens, 1}};
    const ops::Scratch::Frame frame(context.scratch);
    const Matrix logits = context.scratch.AllocateMatrix(static_cast<int64_t>(outputs.size()),
                                                         model.config().vocab_size);
    const model::Observer observe = [&](std::string_view what, int64_t, ConstMatrix values) {
      if (what == "final_norm" && wanted == Logits::kNone) visit(begin, values, {});
    };
    model.Forward(context, batch, cache, logits, &observe);
    if (wanted == Logits::kAll) visit(begin, {}, logits);
  }
}

}  // namespace

std::vector<float> Embed(ops::Context& context, const model::Model& model,
                         std::span<const int32_t> ids, const ReadOptions& options) {
  std::vector<double> sum(static_cast<size_t>(model.config().hidden_size));
  ReadThrough(context, model, ids, options, Logits::kNone,
              [&](int64_t, ConstMatrix states, ConstMatrix) {
                for (int64_t row = 0; row < states.rows; ++row) {
                  const float* values = states.row(row);
                  for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(values[i]);
                }
              });
  const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  std::vector<float> embedding(sum.size());
  if (length == 0) return embedding;
  std::ranges::transform(sum, embedding.begin(),
                         [length](double value) { return static_cast<float>(value / length); });
  return embedding;
}

std::vector<TokenScore> ScoreTokens(ops::Context& context, const model::Model& model,
                                    std::span<const int32_t> ids, int32_t top,
                                    const ReadOptions& options) {
  std::vector<TokenScore> scores(ids.size());
  TopSelector selector;
  ReadThrough(context, model, ids, options, Logits::kAll,
              [&](int64_t begin, ConstMatrix, ConstMatrix logits) {
                for (int64_t row = 0; row < logits.rows; ++row) {
                  const auto next = static_cast<size_t>(begin + row + 1);
                  if (next >= ids.size()) return;
                  const std::span<const float> values(logits.row(row),
                                                      static_cast<size_t>(logits.cols));
                  selector.Scan(values);
                  const double log_sum = LogSumExp(values, selector.largest());
                  const auto logprob = [&](float logit) {
                    return static_cast<float>(static_cast<double>(logit) - log_sum);
                  };
                  scores[next].logprob = logprob(values[static_cast<size_t>(ids[next])]);
                  if (top == 0) continue;
                  for (const Candidate& best : selector.Largest(top)) {
                    scores[next].top.push_back({best.id, logprob(best.logit)});
                  }
                }
              });
  return scores;
}

}  // namespace hyprstream::engine
