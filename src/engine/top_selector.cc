#include "engine/top_selector.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kBlock = 128;
constexpr size_t kLanes = 16;
constexpr size_t kUsualCandidates = 1024;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

struct BlockScan {
  float largest;
  bool nan;
};

// Lanes keep the order of comparisons fixed and let the compiler use vector maxima.
BlockScan ScanBlock(const float* values) {
  std::array<float, kLanes> largest;
  largest.fill(kLowest);
  std::array<int32_t, kLanes> nan{};
  for (size_t begin = 0; begin < kBlock; begin += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const float value = values[begin + j];
      largest[j] = value > largest[j] ? value : largest[j];
      nan[j] |= value != value ? 1 : 0;
    }
  }
  BlockScan result{kLowest, false};
  for (size_t j = 0; j < kLanes; ++j) {
    result.largest = std::max(result.largest, largest[j]);
    result.nan = result.nan || nan[j] != 0;
  }
  return result;
}

bool Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

}  // namespace

void TopSelector::Scan(std::span<const float> row) {
  row_ = row;
  const size_t blocks = (row.size() + kBlock - 1) / kBlock;
  block_max_.resize(blocks);
  // At once, so that a thread takes no memory when it first draws a token for another request.
  ordered_max_.reserve(blocks);
  found_.reserve(kUsualCandidates);
  bool nan = false;
  largest_ = kLowest;
  for (size_t block = 0; block < blocks; ++block) {
    const size_t begin = block * kBlock;
    BlockScan scan{};
    if (begin + kBlock <= row.size()) {
      scan = ScanBlock(row.data() + begin);
    } else {
      std::array<float, kBlock> padded;
      padded.fill(kLowest);
      std::copy(row.begin() + static_cast<std::ptrdiff_t>(begin), row.end(), padded.begin());
      scan = ScanBlock(padded.data());
    }
    block_max_[block] = scan.largest;
    nan = nan || scan.nan;
    largest_ = std::max(largest_, scan.largest);
  }
  usable_ = !nan && largest_ > kLowest && largest_ < std::numeric_limits<float>::infinity();
}

float TopSelector::LowerBound(size_t count) {
  if (count > block_max_.size()) return kLowest;
  ordered_max_ = block_max_;
  const auto nth = ordered_max_.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(ordered_max_.begin(), nth, ordered_max_.end(), std::greater<>());
  return *nth;
}

std::span<const Candidate> TopSelector::Largest(int64_t count) {
  HYPR_CHECK(usable_ && count > 0);
  const size_t wanted = std::min(static_cast<size_t>(count), row_.size());
  const float bound = LowerBound(wanted);
  found_.clear();
  for (size_t block = 0; block < block_max_.size(); ++block) {
    if (block_max_[block] < bound) continue;
    const size_t end = std::min(row_.size(), (block + 1) * kBlock);
    for (size_t i = block * kBlock; i < end; ++i) {
      if (row_[i] >= bound) found_.push_back({static_cast<int32_t>(i), row_[i]});
    }
  }
  const auto last = found_.begin() + static_cast<std::ptrdiff_t>(wanted);
  if (found_.size() > wanted) std::nth_element(found_.begin(), last, found_.end(), Before);
  std::sort(found_.begin(), last, Before);
  return {found_.data(), wanted};
}

}  // namespace hyprstream::engine
