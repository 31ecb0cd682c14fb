#include "ops/chunk_shares.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/thread_pool.h"

namespace hyprstream::ops {
namespace {

TEST(ChunkShares, GivesEachThreadItsOwnChunksInOrder) {
  Scratch scratch;
  ChunkShares shares(scratch, 7, 2);
  EXPECT_EQ(shares.Next(1), 3);
  EXPECT_EQ(shares.Next(0), 0);
  EXPECT_EQ(shares.Next(1), 4);
  EXPECT_EQ(shares.Next(0), 1);
}

TEST(ChunkShares, AThreadThatIsDoneTakesTheLastOnesOfOthers) {
  Scratch scratch;
  ChunkShares shares(scratch, 6, 3);
  std::vector<int64_t> taken;
  while (const auto chunk = shares.Next(1)) taken.push_back(*chunk);
  EXPECT_EQ(taken, (std::vector<int64_t>{2, 3, 5, 4, 1, 0}));
}

TEST(ChunkShares, FewerChunksThanThreadsAreAllTaken) {
  Scratch scratch;
  ChunkShares shares(scratch, 1, 4);
  EXPECT_EQ(shares.Next(0), 0);
  for (int t = 0; t < 4; ++t) EXPECT_EQ(shares.Next(t), std::nullopt);
}

TEST(ChunkShares, EveryChunkIsTakenOnce) {
  ThreadPool pool(4);
  for (int64_t chunks : {0, 1, 3, 4, 97, 1000}) {
    Scratch scratch;
    ChunkShares shares(scratch, chunks, pool.threads());
    std::vector<std::atomic<int>> taken(static_cast<size_t>(chunks));
    pool.Share([&](int thread) {
      while (const auto chunk = shares.Next(thread)) ++taken[static_cast<size_t>(*chunk)];
    });
    for (const auto& count : taken) EXPECT_EQ(count.load(), 1);
  }
}

}  // namespace
}  // namespace hyprstream::ops
