// Turns the scheduler's shares into the arrays a model reads: tokens, positions, page tables, rows
// whose logits are wanted, adapters by ranges of rows. Sequences with the same adapters lie side by
// side so that a range covers all of them. Owns the arrays and keeps their memory from step to
// step; the sequences must not change meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/scheduler.h"
#include "model/batch.h"

namespace hyprstream::engine {

/// A sequence whose next token can be drawn: its first row of logits, then one after each guess.
struct Output {
  Sequence* sequence = nullptr;
  int64_t row = 0;
  int64_t rows = 1;
};

class StepBatch {
 public:
  StepBatch() = default;
  explicit StepBatch(std::span<const Share> shares) { Fill(shares); }

  /// Memory for steps of at most so many rows: until then, filling takes none.
  void Reserve(int64_t rows);
  void Fill(std::span<const Share> shares);

  model::Batch batch() const;
  /// In the order of their rows.
  std::span<const Share> shares() const { return shares_; }
  /// In the order of the logits' rows.
  std::span<const Output> outputs() const { return outputs_; }
  int64_t output_rows() const { return static_cast<int64_t>(output_rows_.size()); }

 private:
  void AddRows(const Share& share);
  void AddAdapters();

  std::vector<Share> shares_;
  std::vector<int32_t> tokens_;
  std::vector<int32_t> positions_;
  std::vector<ops::SequenceRows> sequences_;
  std::vector<int32_t> output_rows_;
  std::vector<Output> outputs_;
  std::vector<model::AdapterUse> adapters_;
  std::vector<int64_t> prompt_lengths_;
};

}  // namespace hyprstream::engine
