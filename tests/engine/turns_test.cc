// Turns between an engine and a borrower, on a clock that only work moves: how many slices are lent
// is a function of the share, not of the machine.
#include "engine/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "collect.h"
#include "engine/engine.h"

namespace hyprstream::engine {
namespace {

using namespace std::chrono_literals;

class TurnsTest : public ::testing::Test {
 protected:
  Turns MakeTurns(double share) {
    return {threads_, mailbox_, {.share = share, .now = [this] {
                                   return Turns::Clock::time_point(time_.load());
                                 }}};
  }
  void Work(Turns::Duration duration) { time_ = time_.load() + duration; }

  /// Computes slices of this length until the engine ends.
  std::thread Borrow(Turns& turns, Turns::Duration slice) {
    std::thread borrower([this, &turns, slice] {
      try {
        turns.Enter();
        for (;;) {
          Work(slice);
          ++slices_;
          turns.Pause();
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCancelled);
      }
    });
    while (!turns.wanted()) std::this_thread::yield();
    return borrower;
  }

  /// Slices computed between `steps` steps of this length.
  int64_t SlicesIn(Turns& turns, int steps, Turns::Duration step) {
    const int64_t before = slices_;
    for (int i = 0; i < steps; ++i) {
      Work(step);
      turns.LendShare(step);
    }
    return slices_ - before;
  }

  ThreadPool threads_{1};
  Mailbox mailbox_;
  std::atomic<Turns::Duration> time_{Turns::Duration{}};
  std::atomic<int64_t> slices_{0};
};

TEST_F(TurnsTest, ABusyEngineLendsItsShareOfTheTime) {
  for (const auto& [share, slice, steps, expected] :
       {std::tuple{0.5, 1ms, 1000, int64_t{10'000}}, std::tuple{0.2, 1ms, 1000, int64_t{2500}},
        std::tuple{0.3, 40ms, 7000, int64_t{750}}, std::tuple{0.0, 1ms, 1000, int64_t{0}}}) {
    Turns turns = MakeTurns(share);
    std::thread borrower = Borrow(turns, slice);
    const auto slices = SlicesIn(turns, steps, 10ms);
    EXPECT_NEAR(static_cast<double>(slices), static_cast<double>(expected),
                0.01 * static_cast<double>(expected))
        << share;
    EXPECT_EQ(turns.lent().shared, slices * slice);
    turns.Close();
    borrower.join();
  }
}

TEST_F(TurnsTest, AStepIsFollowedByNoMoreThanItHasEarned) {
  Turns turns = MakeTurns(0.3);
  std::thread borrower = Borrow(turns, 1ms);
  for (int i = 0; i < 100; ++i) EXPECT_LE(SlicesIn(turns, 1, 10ms), 5);  // of 4.3 on average
  turns.Close();
  borrower.join();
}

TEST_F(TurnsTest, AStepWithPromptsLendsNoMoreThanTheOneBefore) {
  Turns turns = MakeTurns(0.5);
  std::thread borrower = Borrow(turns, 1ms);
  for (int i = 0; i < 10; ++i) {
    EXPECT_LE(SlicesIn(turns, 1, 10ms), 11);
    EXPECT_LE(SlicesIn(turns, 1, 500ms), 11);
    EXPECT_LE(SlicesIn(turns, 1, 10ms), 11);
  }
  // When steps stay long, a turn is as long as what they earn.
  EXPECT_GE(SlicesIn(turns, 2, 500ms), 500);
  turns.Close();
  borrower.join();
}

TEST_F(TurnsTest, LongSlicesDisturbFewSteps) {
  Turns turns = MakeTurns(0.3);
  std::thread borrower = Borrow(turns, 1ms);
  SlicesIn(turns, 1000, 200us);  // knows how long a slice is
  int disturbed = 0;
  int64_t slices = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int64_t more = SlicesIn(turns, 1, 200us);
    disturbed += more > 0;
    slices += more;
    EXPECT_LE(more, 40);
  }
  EXPECT_LT(disturbed, 250);
  EXPECT_NEAR(static_cast<double>(slices), 857.0, 10.0);  // 30 % of the time
  turns.Close();
  borrower.join();
}

TEST_F(TurnsTest, ASliceThatTookTooLongIsMadeUpFor) {
  Turns turns = MakeTurns(0.5);
  std::atomic<Turns::Duration> slice{Turns::Duration(1ms)};
  std::thread borrower([&] {
    try {
      turns.Enter();
      for (;;) {
        Work(slice);
        ++slices_;
        turns.Pause();
      }
    } catch (const Error&) {
    }
  });
  while (!turns.wanted()) std::this_thread::yield();
  SlicesIn(turns, 10, 10ms);
  slice = 200ms;
  EXPECT_EQ(SlicesIn(turns, 1, 10ms), 1);
  slice = 1ms;
  EXPECT_EQ(SlicesIn(turns, 15, 10ms), 0);  // 200 ms are twenty steps' share
  turns.Close();
  borrower.join();
}

TEST_F(TurnsTest, TimeThatNobodyWantedIsNotSavedUp) {
  Turns turns = MakeTurns(0.5);
  SlicesIn(turns, 1000, 10ms);
  std::thread borrower = Borrow(turns, 1ms);
  EXPECT_LE(SlicesIn(turns, 1, 10ms), 11);
  turns.Close();
  borrower.join();
}

TEST_F(TurnsTest, AnIdleEngineLendsUntilMailComes) {
  Turns turns = MakeTurns(0.3);
  std::thread borrower = Borrow(turns, 1ms);
  (void)mailbox_.Take(Mailbox::Patience::kWait);  // the borrower's knock
  std::thread sender([&] {
    while (slices_ < 1000) std::this_thread::yield();
    mailbox_.Poke();
  });
  turns.LendIdle();
  EXPECT_GE(slices_, 1000);
  EXPECT_TRUE(mailbox_.HasMail());
  EXPECT_EQ(turns.lent().idle, slices_.load() * 1ms);
  sender.join();
  turns.Close();
  borrower.join();
}

TEST_F(TurnsTest, ABorrowerThatWaitsCanBeInterrupted) {
  Turns turns = MakeTurns(0.0);
  std::thread borrower = Borrow(turns, 1ms);
  turns.Interrupt();
  borrower.join();
  EXPECT_FALSE(turns.wanted());
  turns.Reset();
  std::thread next = Borrow(turns, 1ms);
  mailbox_.Poke();
  turns.LendIdle();
  EXPECT_EQ(slices_, 1);
  turns.Close();
  next.join();
}

// The real engine: answers stay what they are, slices are computed beside them and without them.
TEST(BorrowedTurns, AnswersAreTheSameBesideABorrower) {
  const auto model = std::make_shared<const testing::FakeModel>(testing::FakeModel::Traits{});
  const auto engine = Engine::Create(model, nullptr, {.threads = 2, .context = 256});
  std::atomic<int64_t> slices{0};
  std::atomic<bool> stop{false};
  std::thread borrower([&] {
    while (!stop) {
      const Turns::Turn turn(engine->turns());
      for (int i = 0; i < 20; ++i) {
        std::atomic<int> members{0};
        engine->turns().threads().Run([&](int) { ++members; });
        EXPECT_EQ(members, 2);
        ++slices;
        engine->turns().Pause();
      }
    }
  });
  while (slices < 100) std::this_thread::yield();  // of an idle engine
  for (int32_t i = 0; i < 20; ++i) {
    const GenerationRequest request{.prompt = {i, 2, 3}, .max_tokens = 50, .sampling = {.seed = 7}};
    EXPECT_EQ(testing::Ask(*engine, request).ids, testing::PlainAnswer(*model, request, 256).ids);
  }
  stop = true;
  borrower.join();
  EXPECT_GE(engine->Stats().borrowed_slices, 100);
}

}  // namespace
}  // namespace hyprstream::engine
