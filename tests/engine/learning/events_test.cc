#include "engine/learning/events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace hyprstream::engine {
namespace {

using Clock = std::chrono::steady_clock;

LearningEvent Step(int64_t step) { return {.adapter = "tone", .step = step}; }

TEST(EventFeed, EverybodyGetsEveryEventInOrder) {
  EventFeed feed;
  feed.Publish(Step(1));  // nobody listens
  const auto one = feed.Subscribe(), two = feed.Subscribe();
  for (int64_t i = 2; i < 5; ++i) feed.Publish(Step(i));
  for (const auto& listener : {one, two}) {
    for (int64_t i = 2; i < 5; ++i) EXPECT_EQ(listener->TryNext()->step, i);
    EXPECT_FALSE(listener->TryNext().has_value());
  }
  EXPECT_FALSE(one->NextUntil(Clock::now()).has_value());
}

TEST(EventFeed, ASlowReaderLosesTheOldestAndKnowsHowMany) {
  EventFeed feed;
  const auto listener = feed.Subscribe(3);
  for (int64_t i = 1; i <= 10; ++i) feed.Publish(Step(i));
  EXPECT_EQ(listener->missed(), 7);
  EXPECT_EQ(listener->TryNext()->step, 8);
}

TEST(EventFeed, TellsWhoWantsToBeTold) {
  EventFeed feed;
  int told = 0;
  auto listener = feed.Subscribe(10, [&] { ++told; });
  feed.Publish(Step(1));
  EXPECT_EQ(told, 1);
  listener.reset();
  feed.Publish(Step(2));
  EXPECT_EQ(told, 1);
}

TEST(EventFeed, IsSafeBetweenThreads) {
  EventFeed feed;
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    for (int64_t i = 0; !stop; ++i) feed.Publish(Step(i));
  });
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto listener = feed.Subscribe(16);
        int64_t last = -1;
        for (int i = 0; i < 20; ++i) {
          const auto event = listener->NextUntil(Clock::now() + std::chrono::minutes(1));
          ASSERT_TRUE(event.has_value());
          EXPECT_GT(event->step, last);
          last = event->step;
        }
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  stop = true;
  publisher.join();
}

}  // namespace
}  // namespace hyprstream::engine
