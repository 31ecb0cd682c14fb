#include "training/teacher_memory.h"

#include <algorithm>

namespace hyprstream::training {

bool TeacherMemory::Recall(std::span<const Sample* const> samples, Matrix out) const {
  const auto known = [&](const Sample* sample) { return rows_.contains(sample); };
  if (!std::ranges::all_of(samples, known)) return false;
  int64_t row = 0;
  for (const Sample* sample : samples) {
    const std::vector<float>& rows = rows_.at(sample);
    for (auto from = rows.begin(); from != rows.end(); from += out.cols) {
      std::copy_n(from, out.cols, out.row(row++));
    }
  }
  return true;
}

void TeacherMemory::Keep(std::span<const Sample* const> samples, ConstMatrix hidden) {
  int64_t row = 0;
  for (const Sample* sample : samples) {
    const int64_t targets = CountTargets(*sample);
    const uint64_t bytes = static_cast<uint64_t>(targets * hidden.cols) * sizeof(float);
    if (bytes <= left_ && !rows_.contains(sample)) {
      left_ -= bytes;
      std::vector<float>& rows = rows_[sample];
      for (int64_t i = row; i < row + targets; ++i) {
        rows.insert(rows.end(), hidden.row(i), hidden.row(i) + hidden.cols);
      }
    }
    row += targets;
  }
}

}  // namespace hyprstream::training
