#include "engine/step_batch.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace hyprstream::engine {
namespace {

// A total order on lists of adapters, equal only for the same versions with the same scales.
bool AdaptersBefore(const std::vector<AdapterChoice>& a, const std::vector<AdapterChoice>& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](const AdapterChoice& x, const AdapterChoice& y) {
                                        if (x.adapter != y.adapter)
                                          return std::less<>()(x.adapter.get(), y.adapter.get());
                                        return x.scale < y.scale;
                                      });
}

bool SameAdapters(const std::vector<AdapterChoice>& a, const std::vector<AdapterChoice>& b) {
  return !AdaptersBefore(a, b) && !AdaptersBefore(b, a);
}

}  // namespace

void StepBatch::Reserve(int64_t rows) {
  const auto most = static_cast<size_t>(rows);
  tokens_.reserve(most);
  positions_.reserve(most);
  output_rows_.reserve(most);
}

void StepBatch::Fill(std::span<const Share> shares) {
  tokens_.clear();
  positions_.clear();
  sequences_.clear();
  output_rows_.clear();
  outputs_.clear();
  adapters_.clear();
  prompt_lengths_.clear();
  shares_.assign(shares.begin(), shares.end());
  // By arrival among equals, and not with stable_sort: that takes memory.
  std::sort(shares_.begin(), shares_.end(), [](const Share& a, const Share& b) {
    const std::vector<AdapterChoice>& left = a.sequence->request.adapters;
    const std::vector<AdapterChoice>& right = b.sequence->request.adapters;
    if (AdaptersBefore(left, right)) return true;
    return !AdaptersBefore(right, left) && a.sequence->arrival < b.sequence->arrival;
  });
  for (const Share& share : shares_) AddRows(share);
  AddAdapters();
}

void StepBatch::AddRows(const Share& share) {
  Sequence& sequence = *share.sequence;
  const auto row_begin = static_cast<int64_t>(tokens_.size());
  for (int64_t i = 0; i < share.count; ++i) {
    const int64_t position = sequence.computed + i;
    tokens_.push_back(sequence.tokens[static_cast<size_t>(position)]);
    positions_.push_back(static_cast<int32_t>(position));
  }
  for (int64_t i = 0; i < share.guesses; ++i) {
    tokens_.push_back(sequence.guesses[static_cast<size_t>(i)]);
    positions_.push_back(static_cast<int32_t>(sequence.length() + i));
  }
  const int64_t row_end = row_begin + share.count + share.guesses;
  sequences_.push_back({row_begin, row_end, sequence.computed, sequence.pages});
  prompt_lengths_.push_back(static_cast<int64_t>(sequence.request.prompt.size()));
  if (share.completes()) {
    outputs_.push_back({&sequence, output_rows(), 1 + share.guesses});
    for (int64_t row = row_end - 1 - share.guesses; row < row_end; ++row) {
      output_rows_.push_back(static_cast<int32_t>(row));
    }
  }
}

void StepBatch::AddAdapters() {
  for (size_t first = 0; first < shares_.size();) {
    const std::vector<AdapterChoice>& choices = shares_[first].sequence->request.adapters;
    size_t last = first;
    while (last + 1 < shares_.size() &&
           SameAdapters(choices, shares_[last + 1].sequence->request.adapters)) {
      ++last;
    }
    for (const AdapterChoice& choice : choices) {
      adapters_.push_back({sequences_[first].row_begin, sequences_[last].row_end,
                           &choice.adapter->views, choice.scale});
    }
    first = last + 1;
  }
}

model::Batch StepBatch::batch() const {
  return {tokens_, positions_, sequences_, output_rows_, adapters_, prompt_lengths_};
}

}  // namespace hyprstream::engine
