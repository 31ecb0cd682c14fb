// A model that computes nothing but checks everything: each token leaves a 64-bit mark in its slot
// of the cache, and a row's logits are a hash of all marks it can see through its page table. A
// page that is wrong, stale, shared by mistake or read through the wrong table gives other logits
// than Expected(), which needs no cache.
#pragma once

#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/request.h"
#include "model/model.h"

namespace hyprstream::testing {

class FakeModel : public model::Model {
 public:
  struct Traits {
    int64_t vocab_size = 61;
    int64_t context = 512;
    std::vector<int32_t> eos_ids = {};
    int32_t throwing_token = -1;  // a batch that holds it fails
    int32_t nan_token = -1;       // what follows it has NaN logits
    int32_t rut = 0;  // the text likes to go round and round through so many tokens; 0: it does not
    std::function<void(const model::Batch&)> on_forward = {};
  };

  explicit FakeModel(Traits traits) : traits_(std::move(traits)) {
    config_.vocab_size = traits_.vocab_size;
    config_.hidden_size = 4;
    config_.intermediate_size = 4;
    config_.num_hidden_layers = 1;
    config_.num_attention_heads = 1;
    config_.num_key_value_heads = 1;
    config_.head_dim = 4;
    config_.max_position_embeddings = traits_.context;
    config_.eos_ids = traits_.eos_ids;
    config_.window = {0};
  }

  const model::ModelConfig& config() const override { return config_; }
  uint64_t bytes_per_token() const override { return 1000; }
  uint64_t weight_bytes() const override { return 1000; }
  const std::string& fingerprint() const override { return fingerprint_; }

  void Forward(ops::Context& context, const model::Batch& batch, const model::CacheView& cache,
               Matrix logits, const model::Observer* observer = nullptr) const override {
    (void)context;
    if (traits_.on_forward) traits_.on_forward(batch);
    const std::vector<uint64_t> adapters = AdapterMarks(batch);
    size_t next_output = 0;
    for (const ops::SequenceRows& rows : batch.sequences) {
      for (int64_t row = rows.row_begin; row < rows.row_end; ++row) {
        const auto at = static_cast<size_t>(row);
        const int64_t position = rows.first_position + row - rows.row_begin;
        const int32_t token = batch.tokens[at];
        HYPR_CHECK(batch.positions[at] == position && token >= 0 && token < config_.vocab_size);
        if (token == traits_.throwing_token) {
          throw Error(ErrorCode::kDataLoss, {.message = "the fake model was told to fail"});
        }
        Store(cache, rows, position, Mark(token, position, adapters[at]));
        if (next_output < batch.output_rows.size() && batch.output_rows[next_output] == row) {
          FillLogits(
              Visible(cache, rows, position), token,
              {logits.row(static_cast<int64_t>(next_output)), static_cast<size_t>(logits.cols)});
          ++next_output;
        }
      }
    }
    HYPR_CHECK(next_output == batch.output_rows.size());
    if (observer != nullptr) (*observer)("embedding", -1, {});
    if (observer != nullptr) (*observer)("layer", 0, {});
  }

  /// The logits after `tokens`, without any cache.
  std::vector<float> Expected(std::span<const int32_t> tokens,
                              std::span<const engine::AdapterChoice> adapters = {}) const {
    uint64_t adapter_mark = 0;
    for (const engine::AdapterChoice& choice : adapters) {
      if (choice.scale == 0.0f) continue;
      adapter_mark = AddAdapter(adapter_mark, choice.adapter->views, choice.scale);
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      seen = Mix(seen ^ Mark(tokens[i], static_cast<int64_t>(i), adapter_mark));
    }
    std::vector<float> logits(static_cast<size_t>(config_.vocab_size));
    FillLogits(seen, tokens.back(), logits);
    return logits;
  }

 private:
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 33)) * 0xff51afd7ed558ccdu;
    z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53u;
    return z ^ (z >> 33);
  }
  static uint64_t Mark(int32_t token, int64_t position, uint64_t adapters) {
    return Mix(static_cast<uint64_t>(token) * 1000003u + static_cast<uint64_t>(position) + 1) ^
           Mix(adapters);
  }
  // An adapter is told apart by the rank of its first place.
  static uint64_t AddAdapter(uint64_t mark, const model::AdapterViews& views, float scale) {
    const auto rank = static_cast<uint64_t>(views.At(0, model::Module::kQ).rank);
    return Mix(mark + rank * 7919u + std::bit_cast<uint32_t>(scale) + 1);
  }

  static std::vector<uint64_t> AdapterMarks(const model::Batch& batch) {
    std::vector<uint64_t> marks(batch.tokens.size());
    for (const model::AdapterUse& use : batch.adapters) {
      for (int64_t row = use.row_begin; row < use.row_end; ++row) {
        uint64_t& mark = marks[static_cast<size_t>(row)];
        mark = AddAdapter(mark, *use.views, use.scale);
      }
    }
    return marks;
  }

  static std::byte* Slot(const model::CacheView& cache, const ops::SequenceRows& rows,
                         int64_t position) {
    const auto page = rows.pages[static_cast<size_t>(position / ops::kPageTokens)];
    return cache.base + static_cast<uint64_t>(page) * cache.page_bytes() +
           static_cast<uint64_t>(position % ops::kPageTokens) * sizeof(uint64_t);
  }
  static void Store(const model::CacheView& cache, const ops::SequenceRows& rows, int64_t position,
                    uint64_t mark) {
    std::memcpy(Slot(cache, rows, position), &mark, sizeof(mark));
  }
  static uint64_t Visible(const model::CacheView& cache, const ops::SequenceRows& rows,
                          int64_t position) {
    uint64_t seen = 0;
    for (int64_t i = 0; i <= position; ++i) {
      uint64_t mark = 0;
      std::memcpy(&mark, Slot(cache, rows, i), sizeof(mark));
      seen = Mix(seen ^ mark);
    }
    return seen;
  }
  void FillLogits(uint64_t seen, int32_t last, std::span<float> logits) const {
    for (size_t i = 0; i < logits.size(); ++i) {
      logits[i] = static_cast<float>(Mix(seen + i * 0x9e3779b97f4a7c15u) >> 40) * 0x1p-21f - 4.0f;
    }
    if (traits_.rut > 0) logits[static_cast<size_t>((last + 1) % traits_.rut)] += 8.0f;
    if (last == traits_.nan_token) logits[1] = std::numeric_limits<float>::quiet_NaN();
  }

  Traits traits_;
  model::ModelConfig config_;
  std::string fingerprint_ = "fake";
};

/// An adapter that the fake model tells from others by `number`.
inline std::shared_ptr<const engine::LoadedAdapter> FakeAdapter(int64_t number) {
  model::AdapterViews views(1, 0);
  views.Set(0, model::Module::kQ, {nullptr, nullptr, number});
  return std::make_shared<engine::LoadedAdapter>(engine::LoadedAdapter{
      "adapter-" + std::to_string(number), "hash-" + std::to_string(number), views, nullptr});
}

}  // namespace hyprstream::testing
