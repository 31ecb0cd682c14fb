#include "ops/scratch.h"

#include <algorithm>

namespace hyprstream::ops {

namespace {
constexpr size_t kBlockBytes = size_t{4} << 20;
}

size_t Scratch::held() const {
  size_t total = 0;
  for (const AlignedBuffer& block : blocks_) total += block.size();
  return total;
}

std::byte* Scratch::AllocateBytes(size_t bytes) {
  const size_t padded = (bytes + AlignedBuffer::kAlignment - 1) / AlignedBuffer::kAlignment *
                        AlignedBuffer::kAlignment;
  while (block_ < blocks_.size() && used_ + padded > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.emplace_back(std::max(padded, kBlockBytes));
    used_ = 0;
  }
  std::byte* memory = blocks_[block_].data() + used_;
  used_ += padded;
  return memory;
}

}  // namespace hyprstream::ops
