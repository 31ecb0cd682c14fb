#include "engine/hidden.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/request_check.h"

namespace hyprstream::engine {
namespace {

/// Rows computed at once: bounds the scratch memory, not the result.
constexpr int64_t kChunk = 256;

}  // namespace

std::vector<HiddenState> HiddenStates(ops::Context& context, const model::Model& model,
                                      std::span<const int32_t> ids, MemoryBudget* budget) {
  if (ids.empty()) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "there are no token ids", .where = "ids"});
  }
  CheckTokens(ids, model.config().vocab_size);
  const auto tokens = static_cast<int64_t>(ids.size());
  const int64_t hidden = model.config().hidden_size;
  std::vector<int32_t> pages(static_cast<size_t>((tokens - 1) / ops::kPageTokens + 1));
  std::iota(pages.begin(), pages.end(), 0);
  model::CacheView cache = model.CacheLayout(nullptr, DType::kF32);
  Reservation reserved_cache;
  Reservation reserved_states;
  if (budget != nullptr) {
    const auto rows = static_cast<uint64_t>(tokens * (model.config().num_hidden_layers + 2));
    reserved_cache = Reservation(*budget, MemoryUse::kCache, {pages.size() * cache.page_bytes()},
                                 "the key/value cache");
    reserved_states =
        Reservation(*budget, MemoryUse::kScratch,
                    {rows * static_cast<uint64_t>(hidden) * sizeof(float)}, "the activations");
  }
  AlignedBuffer memory(pages.size() * cache.page_bytes());
  cache.base = memory.data();

  std::vector<HiddenState> states;
  int64_t begin = 0;
  const model::Observer observe = [&](std::string_view what, int64_t layer, ConstMatrix values) {
    const std::string name =
        layer < 0 ? std::string(what) : std::string(what) + "." + std::to_string(layer);
    auto found = std::find_if(states.begin(), states.end(),
                              [&](const HiddenState& state) { return state.name == name; });
    if (found == states.end()) {
      states.push_back({name, Tensor(DType::kF32, {tokens, hidden})});
      found = states.end() - 1;
    }
    float* out = found->values.As<float>().data() + begin * hidden;
    for (int64_t row = 0; row < values.rows; ++row) {
      std::memcpy(out + row * hidden, values.row(row), static_cast<size_t>(hidden) * sizeof(float));
    }
  };
  for (; begin < tokens; begin += kChunk) {
    const int64_t rows = std::min(kChunk, tokens - begin);
    std::vector<int32_t> positions(static_cast<size_t>(rows));
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(begin));
    const ops::SequenceRows sequence{
        .row_begin = 0, .row_end = rows, .first_position = begin, .pages = pages};
    // The final norm is made for rows whose logits are wanted: all of them.
    std::vector<int32_t> outputs(static_cast<size_t>(rows));
    std::iota(outputs.begin(), outputs.end(), 0);
    const model::Batch batch{
        .tokens = ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)),
        .positions = positions,
        .sequences = {&sequence, 1},
        .output_rows = outputs,
        .adapters = {},
        .prompt_lengths = {&tokens, 1}};
    Tensor logits(DType::kF32, {rows, model.config().vocab_size});
    model.Forward(
        context, batch, cache,
        {logits.As<float>().data(), rows, model.config().vocab_size, model.config().vocab_size},
        &observe);
  }
  return states;
}

}  // namespace hyprstream::engine
