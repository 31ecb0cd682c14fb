#include "engine/learning/held_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace hyprstream::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Lesson Say(int32_t question, int32_t answer, bool feedback = false) {
  return {.id = question,
          .feedback = feedback,
          .samples = {{.ids = {question, answer}, .labels = {training::kIgnoredLabel, answer}}}};
}

/// Four phrasings of each of `facts` facts.
std::vector<Lesson> Facts(int32_t facts) {
  std::vector<Lesson> lessons;
  for (int32_t fact = 0; fact < facts; ++fact) {
    for (int32_t phrasing = 0; phrasing < 4; ++phrasing) {
      lessons.push_back(Say(100 * fact + phrasing, 1000 + fact));
    }
  }
  return lessons;
}

TEST(HeldOut, AFifthWhoseAnswersAreTaughtInOtherWords) {
  const std::vector<Lesson> fresh = Facts(10);
  const HeldOutChoice choice = ChooseHeldOut(fresh, {});
  EXPECT_THAT(choice.held_out, SizeIs(8));
  EXPECT_THAT(choice.train, SizeIs(32));
  std::set<int64_t> taught;
  for (const size_t i : choice.train) taught.insert(fresh[i].id / 100);
  EXPECT_THAT(taught, SizeIs(10));
}

TEST(HeldOut, DoesNotDependOnTheOrder) {
  std::vector<Lesson> fresh = Facts(10);
  const auto held = [&] {
    std::set<int64_t> ids;
    for (const size_t i : ChooseHeldOut(fresh, {}).held_out) ids.insert(fresh[i].id);
    return ids;
  };
  const std::set<int64_t> before = held();
  std::ranges::reverse(fresh);
  EXPECT_EQ(held(), before);
}

TEST(HeldOut, EverySampleOfWhatIsSaidOnceIsTrainedButOneInTen) {
  std::vector<Lesson> fresh;
  for (int32_t i = 0; i < 20; ++i) fresh.push_back(Say(i, 1000 + i));
  EXPECT_THAT(ChooseHeldOut(fresh, {}).held_out, SizeIs(2));
  fresh.resize(10);
  EXPECT_THAT(ChooseHeldOut(fresh, {}).held_out, SizeIs(1));
  fresh.resize(4);
  EXPECT_THAT(ChooseHeldOut(fresh, {}).held_out, IsEmpty());
}

TEST(HeldOut, AnAnswerTaughtEarlierCountsAsTaught) {
  const std::vector<Lesson> trained = Facts(4);
  const std::vector<Lesson> fresh{Say(7, 1000), Say(8, 1001)};
  EXPECT_THAT(ChooseHeldOut(fresh, trained).held_out, SizeIs(1));
}

TEST(HeldOut, NeverFeedbackNorWhatWasSentTwice) {
  std::vector<Lesson> fresh;
  for (int32_t i = 0; i < 5; ++i) fresh.push_back(Say(i, 1000, true));
  for (int32_t i = 0; i < 5; ++i) fresh.push_back(Say(77, 1000));
  fresh.push_back(Say(5, 1000));
  const std::vector<Lesson> trained{Say(5, 1000)};
  EXPECT_THAT(ChooseHeldOut(fresh, trained).held_out, IsEmpty());
}

TEST(HeldOut, SamplesThatSayTheSameHaveTheSameContent) {
  EXPECT_EQ(ContentOf(Say(1, 2)), ContentOf(Say(1, 2, true)));
  EXPECT_NE(ContentOf(Say(1, 2)), ContentOf(Say(1, 3)));
}

TEST(Reservoir, IsBoundedStableAndWithoutWhatWasTaughtSince) {
  std::vector<Lesson> held;
  for (int32_t i = 0; i < 50; ++i) held.push_back(Say(i, 1000 + i));
  const std::vector<size_t> chosen = Reservoir(held, {}, 10);
  EXPECT_THAT(chosen, SizeIs(10));
  EXPECT_TRUE(std::ranges::is_sorted(chosen));
  const std::vector<Lesson> trained{held[chosen[3]]};
  std::vector<size_t> without = Reservoir(held, trained, 10);
  EXPECT_EQ(std::ranges::find(without, chosen[3]), without.end());
  // Of what comes later only what has a smaller hash takes a place.
  held.push_back(Say(50, 1050));
  std::vector<size_t> more = Reservoir(held, {}, 10);
  size_t same = 0;
  for (const size_t i : more) same += std::ranges::count(chosen, i);
  EXPECT_GE(same, 9u);
  EXPECT_THAT(Reservoir(std::vector<Lesson>{held[0], held[0]}, {}, 10), ElementsAre(0));
}

}  // namespace
}  // namespace hyprstream::engine
