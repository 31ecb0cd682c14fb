#include "tensor/slab_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace hyprstream {
namespace {

bool IsZero(const std::byte* begin, size_t size) {
  return std::all_of(begin, begin + size, [](std::byte b) { return b == std::byte{0}; });
}

TEST(SlabMemory, PiecesAreAlignedZeroedAndApart) {
  SlabMemory slabs;
  const std::vector<size_t> sizes = {1, 63, 64, 65, 1'769'472, 3, SlabMemory::kSlabBytes / 2 + 1};
  std::vector<std::shared_ptr<std::byte>> pieces;
  for (size_t i = 0; i < sizes.size(); ++i) {
    pieces.push_back(slabs.Allocate(sizes[i]));
    std::byte* piece = pieces.back().get();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % SlabMemory::kAlignment, 0u) << i;
    EXPECT_TRUE(IsZero(piece, sizes[i])) << i;
    std::memset(piece, static_cast<int>(i) + 1, sizes[i]);
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::byte* piece = pieces[i].get();
    EXPECT_TRUE(std::all_of(piece, piece + sizes[i], [i](std::byte b) {
      return b == static_cast<std::byte>(i + 1);
    })) << i;
  }
}

TEST(SlabMemory, PiecesFollowOneAnotherUntilASlabIsFull) {
  SlabMemory slabs;
  const auto first = slabs.Allocate(100);
  const auto second = slabs.Allocate(SlabMemory::kSlabBytes / 2);
  EXPECT_EQ(second.get(), first.get() + 128);
  const auto third = slabs.Allocate(SlabMemory::kSlabBytes / 2);  // does not fit any more
  std::memset(third.get(), 1, SlabMemory::kSlabBytes / 2);
  EXPECT_TRUE(IsZero(second.get(), SlabMemory::kSlabBytes / 2));
}

TEST(SlabMemory, APieceOutlivesWhatGaveIt) {
  std::shared_ptr<std::byte> piece;
  {
    SlabMemory slabs;
    slabs.Allocate(1000);
    piece = slabs.Allocate(1000);
  }
  std::memset(piece.get(), 7, 1000);
  EXPECT_EQ(piece.get()[999], std::byte{7});
}

}  // namespace
}  // namespace hyprstream
