// Runs a model over one sequence with a cache of its own: the smallest thing that can be compared
// with a golden file.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "model/model.h"
#include "support/data.h"

namespace hyprstream::testing {

struct Compute {
  explicit Compute(int threads = 2, kernels::Isa chosen = kernels::ChooseIsa())
      : pool(threads), isa(chosen) {}
  ThreadPool pool;
  kernels::Isa isa;
  ops::Scratch scratch;
  ops::Context context{pool, isa, scratch};
};

struct RunOptions {
  int64_t step = 0;  // tokens fed at a time; 0: all
  DType cache = DType::kF32;
  std::vector<model::AdapterUse> adapters = {};  // row ranges are set to cover every row
  const model::Observer* observer = nullptr;
  int64_t prompt_length = 0;  // 0: all of the ids
};

/// logits [ids.size(), vocab]
inline Tensor RunModel(const model::Model& model, ops::Context& context,
                       std::span<const int32_t> ids, const RunOptions& options = {}) {
  const auto tokens = static_cast<int64_t>(ids.size());
  const int64_t pages = (tokens + ops::kPageTokens - 1) / ops::kPageTokens;
  const model::CacheView layout = model.CacheLayout(nullptr, options.cache);
  AlignedBuffer memory(static_cast<size_t>(pages) * layout.page_bytes());
  const model::CacheView cache = model.CacheLayout(memory.data(), options.cache);
  // Pages in reverse, so that nothing can rely on their order.
  std::vector<int32_t> table(static_cast<size_t>(pages));
  for (int64_t i = 0; i < pages; ++i)
    table[static_cast<size_t>(i)] = static_cast<int32_t>(pages - 1 - i);

  Tensor logits(DType::kF32, {tokens, model.config().vocab_size});
  const int64_t step = options.step == 0 ? tokens : options.step;
  for (int64_t begin = 0; begin < tokens; begin += step) {
    const int64_t count = std::min(step, tokens - begin);
    std::vector<int32_t> positions(static_cast<size_t>(count));
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(begin));
    std::vector<int32_t> rows(static_cast<size_t>(count));
    std::iota(rows.begin(), rows.end(), 0);
    const ops::SequenceRows sequence{
        .row_begin = 0, .row_end = count, .first_position = begin, .pages = table};
    std::vector<model::AdapterUse> uses = options.adapters;
    for (model::AdapterUse& use : uses) {
      use.row_begin = 0;
      use.row_end = count;
    }
    const int64_t prompt = options.prompt_length == 0 ? tokens : options.prompt_length;
    const model::Batch batch{
        .tokens = ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
        .positions = positions,
        .sequences = {&sequence, 1},
        .output_rows = rows,
        .adapters = uses,
        .prompt_lengths = {&prompt, 1}};
    const int64_t vocab = model.config().vocab_size;
    model.Forward(context, batch, cache,
                  {logits.As<float>().data() + begin * vocab, count, vocab, vocab},
                  options.observer);
  }
  return logits;
}

inline std::vector<int32_t> ReadIds(const TensorView& view) {
  std::vector<int32_t> ids;
  if (view.dtype == DType::kI64) {
    for (const int64_t id : view.As<int64_t>()) ids.push_back(static_cast<int32_t>(id));
  } else {
    for (const int32_t id : view.As<int32_t>()) ids.push_back(id);
  }
  return ids;
}

inline float MaxDifference(std::span<const float> a, std::span<const float> b) {
  HYPR_CHECK(a.size() == b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;  // NaN sticks
  }
  return largest;
}

inline std::shared_ptr<const model::Model> LoadExact(const std::filesystem::path& path,
                                                     ops::Context& context) {
  return model::Model::Load(formats::ModelFiles::Open(path), context,
                            {.arithmetic = ops::Arithmetic::kExact});
}

}  // namespace hyprstream::testing
