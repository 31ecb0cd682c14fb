#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "engine/step_batch.h"
#include "fake_model.h"
#include "ops/attention.h"

namespace hyprstream::engine {
namespace {

constexpr int64_t kPage = ops::kPageTokens;

std::unique_ptr<Sequence> MakeSequence(uint64_t arrival, int64_t tokens, int32_t first = 0) {
  GenerationRequest request;
  request.prompt.resize(static_cast<size_t>(tokens));
  std::iota(request.prompt.begin(), request.prompt.end(), first);
  auto sequence =
      std::make_unique<Sequence>(std::move(request), RootKey({"m", DType::kBF16, {}}),
                                 Sampler({}, {}, 100, 1), AnswerText(nullptr, true, {}));
  sequence->arrival = arrival;
  return sequence;
}

std::vector<int64_t> Counts(const std::vector<Share>& shares) {
  std::vector<int64_t> counts;
  for (const Share& share : shares) counts.push_back(share.count);
  return counts;
}

void CompleteAll(Scheduler& scheduler, const std::vector<Share>& shares) {
  for (const Share& share : shares) {
    const bool output = share.completes();
    scheduler.Complete(share);
    if (output) share.sequence->tokens.push_back(7);
  }
}

TEST(Scheduler, ALongPromptDoesNotStallShortOnesNorThoseThatDecode) {
  PagePool pool(100, PrefixReuse::kOff);
  Scheduler scheduler({.max_batch_rows = 64, .max_sequences = 8}, pool);
  scheduler.Add(MakeSequence(0, 5));
  CompleteAll(scheduler, scheduler.Plan());
  scheduler.Add(MakeSequence(1, 1000));
  scheduler.Add(MakeSequence(2, 10));
  scheduler.Add(MakeSequence(3, 200));
  EXPECT_EQ(Counts(scheduler.Plan()), (std::vector<int64_t>{1, 26, 10, 27}));
}

TEST(Scheduler, RowsAreNeverLeftUnusedNorExceeded) {
  PagePool pool(1000, PrefixReuse::kOff);
  Scheduler scheduler({.max_batch_rows = 50, .max_sequences = 16}, pool);
  for (uint64_t i = 0; i < 12; ++i) {
    scheduler.Add(MakeSequence(i, 1 + static_cast<int64_t>(i * 37 % 101)));
  }
  int64_t pending = 0;
  for (uint64_t i = 0; i < 12; ++i) pending += 1 + static_cast<int64_t>(i * 37 % 101);
  const std::vector<int64_t> counts = Counts(scheduler.Plan());
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), int64_t{0}),
            std::min<int64_t>(50, pending));
  for (const int64_t count : counts) EXPECT_GE(count, 1);
}

TEST(Scheduler, AdmissionFollowsArrivalAndWaitsForPages) {
  PagePool pool(4, PrefixReuse::kOff);
  Scheduler scheduler({.max_batch_rows = 512, .max_sequences = 8}, pool);
  scheduler.Add(MakeSequence(0, 2 * kPage));
  scheduler.Add(MakeSequence(1, 3 * kPage));  // does not fit beside the first
  scheduler.Add(MakeSequence(2, 1));          // would fit, but came later
  const std::vector<Share> shares = scheduler.Plan();
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].sequence->arrival, 0u);
  EXPECT_EQ(scheduler.waiting(), 2);
  scheduler.Remove(shares[0].sequence);
  EXPECT_EQ(scheduler.Plan().size(), 2u);
}

TEST(Scheduler, TheYoungestGivesWayWhenPagesRunOut) {
  PagePool pool(4, PrefixReuse::kOff);
  Scheduler scheduler({.max_batch_rows = 512, .max_sequences = 8}, pool);
  for (uint64_t i = 0; i < 2; ++i) scheduler.Add(MakeSequence(i, 2 * kPage));
  CompleteAll(scheduler, scheduler.Plan());  // both now need a third page
  std::vector<Share> shares = scheduler.Plan();
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].sequence->arrival, 0u);
  EXPECT_EQ(scheduler.preemptions(), 1);
  EXPECT_EQ(scheduler.waiting(), 1);
  EXPECT_EQ(pool.held(), 3);
  scheduler.Remove(shares[0].sequence);
  shares = scheduler.Plan();  // all of it is computed again, the drawn token included
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].sequence->arrival, 1u);
  EXPECT_EQ(shares[0].count, 2 * kPage + 1);
}

TEST(Scheduler, APrefixIsReusedButItsLastTokenIsComputed) {
  PagePool pool(10, PrefixReuse::kOn);
  Scheduler scheduler({.max_batch_rows = 512, .max_sequences = 8}, pool);
  scheduler.Add(MakeSequence(0, 2 * kPage));
  std::vector<Share> shares = scheduler.Plan();
  CompleteAll(scheduler, shares);
  scheduler.Remove(shares[0].sequence);
  EXPECT_EQ(pool.kept(), 2);
  scheduler.Add(MakeSequence(1, 2 * kPage));
  scheduler.Add(MakeSequence(2, 2 * kPage + 1));
  scheduler.Add(MakeSequence(3, 2 * kPage, 1));  // other tokens
  shares = scheduler.Plan();
  EXPECT_EQ(Counts(shares), (std::vector<int64_t>{kPage, 1, 2 * kPage}));
  EXPECT_EQ(shares[0].sequence->cached_tokens, kPage);
  EXPECT_EQ(shares[1].sequence->cached_tokens, 2 * kPage);
  EXPECT_EQ(shares[0].sequence->pages[0], shares[1].sequence->pages[0]);
  EXPECT_NE(shares[0].sequence->pages[1], shares[1].sequence->pages[1]);
  EXPECT_EQ(scheduler.TakeAll().size(), 3u);
  EXPECT_EQ(pool.held(), 0);
}

TEST(StepBatch, SequencesWithTheSameAdaptersShareOneRange) {
  PagePool pool(100, PrefixReuse::kOff);
  Scheduler scheduler({}, pool);
  const std::vector<AdapterChoice> a = {{testing::FakeAdapter(1), 1.0f}};
  const std::vector<AdapterChoice> b = {a[0], {testing::FakeAdapter(2), 0.5f}};
  for (uint64_t i = 0; i < 9; ++i) {
    auto sequence = MakeSequence(i, 2 + static_cast<int64_t>(i));
    if (i % 3 == 1) sequence->request.adapters = a;
    if (i % 3 == 2) sequence->request.adapters = b;
    scheduler.Add(std::move(sequence));
  }
  const StepBatch step(scheduler.Plan());
  const model::Batch batch = step.batch();
  EXPECT_EQ(batch.rows(), 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10);
  EXPECT_EQ(batch.adapters.size(), 3u);
  for (const model::AdapterUse& use : batch.adapters) {
    const int64_t rows = use.row_end - use.row_begin;
    EXPECT_TRUE(rows == 3 + 6 + 9 || rows == 4 + 7 + 10) << rows;
  }
  for (size_t i = 0; i < step.shares().size(); ++i) {
    EXPECT_EQ(batch.sequences[i].row_end - batch.sequences[i].row_begin, step.shares()[i].count);
    EXPECT_EQ(batch.output_rows[i], batch.sequences[i].row_end - 1);
    EXPECT_EQ(step.outputs()[i].sequence, step.shares()[i].sequence);
  }
}

}  // namespace
}  // namespace hyprstream::engine
