// A row's bits depend on its position and its keys only.
#include <gtest/gtest.h>
// clang-format off: rapidcheck needs GoogleTest before it
#include <rapidcheck/gtest.h>
// clang-format on

#include <algorithm>

#include "attention_case.h"

namespace hyprstream {
namespace {

using testing::AttentionCase;
using testing::AttentionShape;
using testing::Cache;
using testing::OpContext;
using testing::Rows;

AttentionCase AnyCase(int64_t most_tokens) {
  const AttentionShape shape{.tokens = *rc::gen::inRange<int64_t>(1, most_tokens),
                             .kv_heads = *rc::gen::inRange<int64_t>(1, 3),
                             .group = *rc::gen::inRange<int64_t>(1, 6),
                             .head_dim = *rc::gen::element<int64_t>(16, 20, 36, 64, 80),
                             .window = *rc::gen::element<int64_t>(0, 0, 1, 16, 47, 100),
                             .dtype = *rc::gen::element(DType::kF32, DType::kBF16)};
  return AttentionCase(shape, *rc::gen::arbitrary<uint32_t>(), 2.0f);
}

kernels::Isa AnyIsa() {
  return *rc::gen::elementOf(
      std::vector(kernels::SupportedIsas().begin(), kernels::SupportedIsas().end()));
}

std::vector<int64_t> AnySteps(int64_t tokens) {
  std::vector<int64_t> steps;
  for (int64_t left = tokens; left > 0; left -= steps.back()) {
    steps.push_back(*rc::gen::inRange<int64_t>(1, left + 1));
  }
  return steps;
}

/// As many distinct page numbers as the case needs, below twice that.
std::vector<int32_t> AnyPages(const AttentionCase& problem) {
  std::vector<int32_t> pages(static_cast<size_t>(2 * problem.page_count()));
  std::iota(pages.begin(), pages.end(), 0);
  std::mt19937 random(*rc::gen::arbitrary<uint32_t>());
  std::shuffle(pages.begin(), pages.end(), random);
  pages.resize(static_cast<size_t>(problem.page_count()));
  return pages;
}

RC_GTEST_PROP(AttentionProperty, StepsPagesAndThreadsChangeNoBit, ()) {
  const AttentionCase problem = AnyCase(150);
  const kernels::Isa isa = AnyIsa();
  OpContext one(isa, 1);
  OpContext two(isa, 2);
  const Rows whole = problem.Whole(one);
  const Rows other = problem.InSteps(two, AnySteps(problem.shape.tokens), AnyPages(problem),
                                     2 * problem.page_count());
  RC_ASSERT(whole.data == other.data);
}

RC_GTEST_PROP(AttentionProperty, ManySequencesInOneBatchGiveTheBitsOfEachAlone, ()) {
  const AttentionCase first = AnyCase(80);
  AttentionShape shape = first.shape;
  shape.tokens = *rc::gen::inRange<int64_t>(1, 80);
  const AttentionCase second(shape, 77);
  const kernels::Isa isa = AnyIsa();
  OpContext context(isa, 2);

  const Cache cache(shape, first.page_count() + second.page_count());
  std::vector<int32_t> pages(static_cast<size_t>(first.page_count() + second.page_count()));
  std::iota(pages.rbegin(), pages.rend(), 0);
  const std::span<const int32_t> all(pages);
  const auto split = static_cast<size_t>(first.page_count());
  const int64_t rows = first.shape.tokens + second.shape.tokens;
  const ops::SequenceRows sequences[] = {{0, first.shape.tokens, 0, all.subspan(0, split)},
                                         {first.shape.tokens, rows, 0, all.subspan(split)}};
  const auto join = [&](const Rows& a, const Rows& b) {
    Rows both(rows, a.cols);
    std::copy(a.data.begin(), a.data.end(), both.data.begin());
    std::copy(b.data.begin(), b.data.end(), both.data.begin() + a.rows * a.cols);
    return both;
  };
  const Rows k = join(first.k, second.k);
  const Rows v = join(first.v, second.v);
  Rows q = join(first.q, second.q);
  ops::StoreKeysValues(context, k.matrix(), v.matrix(), cache.view(), sequences);
  ops::Attention(context, q.matrix(), cache.view(), sequences, first.options(), q.matrix());
  RC_ASSERT(q.data == join(first.Whole(context), second.Whole(context)).data);
}

RC_GTEST_PROP(AttentionProperty, AWindowOfAllKeysIsNoWindow, ()) {
  AttentionCase problem = AnyCase(100);
  OpContext context(AnyIsa(), 1);
  problem.shape.window = 0;
  const Rows without = problem.Whole(context);
  problem.shape.window = problem.shape.tokens;
  RC_ASSERT(without.data == problem.Whole(context).data);
}

class LongAttentionTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(LongAttentionTest);

/// Decoding a long context with few heads gives chunks of one row's keys to different threads.
TEST_P(LongAttentionTest, ChunksOfKeysOnManyThreadsChangeNoBit) {
  OpContext one(GetParam(), 1);
  OpContext two(GetParam(), 2);
  OpContext three(GetParam(), 3);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t window : {0, 900}) {
      AttentionCase problem({.tokens = 1700,
                             .kv_heads = 1,
                             .group = 4,
                             .head_dim = 128,
                             .window = window,
                             .dtype = dtype},
                            1);
      const Rows whole = problem.Whole(one);
      const std::vector<int64_t> steps = {1200, 497, 1, 1, 1};
      const std::vector<int32_t> pages = problem.PagesInOrder();
      EXPECT_EQ(whole.data, problem.InSteps(two, steps, pages, problem.page_count()).data);
      EXPECT_EQ(whole.data, problem.InSteps(three, steps, pages, problem.page_count()).data);
    }
  }
}

}  // namespace
}  // namespace hyprstream
