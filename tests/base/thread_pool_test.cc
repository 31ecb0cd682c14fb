#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

namespace hyprstream {
namespace {

TEST(ThreadPool, RunsOnceOnEveryMember) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    std::vector<int> calls(static_cast<size_t>(threads), 0);
    pool.Run([&](int thread) { ++calls[static_cast<size_t>(thread)]; });
    EXPECT_EQ(calls, std::vector<int>(static_cast<size_t>(threads), 1));
  }
}

TEST(ThreadPool, ZeroMeansAllProcessors) {
  EXPECT_EQ(ThreadPool(0).threads(), AvailableProcessors());
  EXPECT_GE(AvailableProcessors(), 1);
}

/// Plain integers: a race between one call and the next would be lost additions (and a report of
/// the thread sanitizer).
TEST(ThreadPool, ManyTinyCallsLoseNothing) {
  constexpr int kRounds = 5'000;
  ThreadPool pool(2);
  std::vector<int64_t> sums(2, 0);
  int64_t between = 0;
  for (int round = 0; round < kRounds; ++round) {
    pool.Run([&](int thread) { sums[static_cast<size_t>(thread)] += round + between; });
    between = sums[0] == sums[1] ? 0 : 1;
  }
  EXPECT_EQ(sums[0], int64_t{kRounds} * (kRounds - 1) / 2);
  EXPECT_EQ(sums[1], sums[0]);
}

/// Between the calls the workers have time to fall asleep, or are just about to.
TEST(ThreadPool, WakesWorkersThatSleep) {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  for (int round = 0; round < 200; ++round) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(5 * round);
    while (std::chrono::steady_clock::now() < until) {
    }
    pool.Run([&](int) { calls.fetch_add(1, std::memory_order_relaxed); });
  }
  EXPECT_EQ(calls.load(), 600);
}

TEST(ThreadPool, StartsAndStopsWithoutWork) {
  for (int i = 0; i < 100; ++i) ThreadPool pool(3);
}

TEST(ThreadPool, ParallelForCoversEverythingOnceInWholeGrains) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const int64_t count : {0, 1, 7, 8, 9, 64, 1000}) {
      for (const int64_t grain : {1, 3, 8, 2000}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
        pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end, int thread) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_TRUE(end == count || end % grain == 0);
          EXPECT_LT(thread, threads);
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
        for (const auto& times : seen) EXPECT_EQ(times.load(), 1);
      }
    }
  }
}

/// Plain integers again: whoever took part has finished when Share returns.
TEST(ThreadPool, SharedWorkIsDoneOnceByThoseWhoCome) {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 2'000; ++round) {
      std::vector<int> done(static_cast<size_t>(round % 23), 0);
      std::vector<int> calls(static_cast<size_t>(threads), 0);
      std::atomic<size_t> next{0};
      pool.Share([&](int thread) {
        ++calls[static_cast<size_t>(thread)];
        for (size_t i; (i = next.fetch_add(1)) < done.size();) ++done[i];
      });
      EXPECT_EQ(done, std::vector<int>(done.size(), 1));
      EXPECT_EQ(calls[0], 1);
      for (const int count : calls) EXPECT_LE(count, 1);
    }
  }
}

/// More workers than processors, so that some are always late; every third call wants them all.
TEST(ThreadPool, LateWorkersDelayNobodyAndMissNoCallThatWantsThem) {
  const int threads = 2 * AvailableProcessors() + 1;
  ThreadPool pool(threads);
  std::vector<int64_t> calls(static_cast<size_t>(threads), 0);
  int64_t shared = 0;
  for (int round = 0; round < 600; ++round) {
    if (round % 3 == 0) {
      pool.Run([&](int thread) { ++calls[static_cast<size_t>(thread)]; });
    } else {
      pool.Share([&](int thread) {
        if (thread == 0) ++shared;
      });
    }
  }
  EXPECT_EQ(calls, std::vector<int64_t>(calls.size(), 200));
  EXPECT_EQ(shared, 400);
}

/// The caller waits long enough to fall asleep.
TEST(ThreadPool, WaitsForAWorkerThatIsSlow) {
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    int64_t slow = 0;
    pool.Run([&](int thread) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(500);
      while (thread == 1 && std::chrono::steady_clock::now() < until) ++slow;
    });
    EXPECT_GT(slow, 0);
  }
}

TEST(ThreadPool, ABodyMayBeConst) {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  const auto body = [&](int) { ++calls; };
  pool.Run(body);
  EXPECT_EQ(calls.load(), 2);
}

}  // namespace
}  // namespace hyprstream
