#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

#include "base/error.h"

namespace hyprstream {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(Bytes, AreParsedWithUnits) {
  EXPECT_EQ(ParseBytes("1048576").value, kMiB);
  EXPECT_EQ(ParseBytes("300M").value, 300 * kMiB);
  EXPECT_EQ(ParseBytes("1.5G").value, 1536 * kMiB);
  EXPECT_EQ(ParseBytes("4GiB").value, 4096 * kMiB);
  EXPECT_EQ(ParseBytes("2kb").value, 2048u);
  EXPECT_EQ(ParseBytes("7B").value, 7u);
}

TEST(Bytes, NonsenseIsRefused) {
  for (const char* text : {"", "G", "-1", "1X", "1GG", "1iB", "nan", "inf", "1e30", "1 G", "1G "}) {
    EXPECT_THROW(ParseBytes(text), Error) << text;
  }
}

TEST(Bytes, AreShownInTheUnitThatFits) {
  EXPECT_EQ(FormatBytes({17}), "17 B");
  EXPECT_EQ(FormatBytes({1536}), "1.5 KiB");
  EXPECT_EQ(FormatBytes({312 * kMiB}), "312 MiB");
  EXPECT_EQ(FormatBytes({1536 * kMiB}), "1.5 GiB");
}

TEST(MemoryBudget, CountsByUse) {
  MemoryBudget budget({10});
  budget.Reserve(MemoryUse::kWeights, {4}, "weights");
  budget.Reserve(MemoryUse::kCache, {5}, "cache");
  EXPECT_EQ(budget.held().value, 9u);
  EXPECT_EQ(budget.held(MemoryUse::kCache).value, 5u);
  EXPECT_EQ(budget.available().value, 1u);
  budget.Release(MemoryUse::kWeights, {4});
  EXPECT_EQ(budget.available().value, 5u);
}

TEST(MemoryBudget, RefusesWhatDoesNotFitAndSaysWhatWould) {
  MemoryBudget budget({10 * kMiB});
  budget.Reserve(MemoryUse::kWeights, {7 * kMiB}, "weights");
  try {
    budget.Reserve(MemoryUse::kCache, {5 * kMiB}, "the cache");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    const std::string text = error.what();
    for (const char* part :
         {"the cache", "5.0 MiB", "10.0 MiB", "7.0 MiB", "3.0 MiB", "12.0 MiB"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }
  }
  EXPECT_EQ(budget.held().value, 7 * kMiB);
  EXPECT_THROW(budget.Reserve(MemoryUse::kCache, {std::numeric_limits<uint64_t>::max()}, "all"),
               Error);
}

TEST(MemoryBudget, WithoutALimitEverythingFits) {
  MemoryBudget budget;
  budget.Reserve(MemoryUse::kWeights, {uint64_t{1} << 50}, "weights");
  EXPECT_EQ(budget.available().value, std::numeric_limits<uint64_t>::max());
}

TEST(Reservation, IsReleasedOnceWhereverItWasMoved) {
  MemoryBudget budget({100});
  {
    Reservation first(budget, MemoryUse::kScratch, {30}, "scratch");
    Reservation second = std::move(first);
    EXPECT_EQ(budget.held().value, 30u);
    Reservation third(budget, MemoryUse::kCache, {20}, "cache");
    third = std::move(second);
    EXPECT_EQ(budget.held().value, 30u);
    EXPECT_EQ(budget.held(MemoryUse::kCache).value, 0u);
  }
  EXPECT_EQ(budget.held().value, 0u);
}

TEST(MemoryBudget, ThreadsTogetherNeverExceedTheLimit) {
  MemoryBudget budget({10});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 2000; ++round) {
        try {
          const Reservation some(budget, MemoryUse::kScratch, {4}, "some");
          EXPECT_LE(budget.held().value, 10u);
        } catch (const Error&) {
          // Full at the moment; the next round tries again.
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.held().value, 0u);
}

}  // namespace
}  // namespace hyprstream
