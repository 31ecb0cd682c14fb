// What is left of a day's budget after a restart, and many threads at once.
#include "server/quota_days.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "quota_clock.h"
#include "server/quota_ledger.h"

namespace hyprstream::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::sys_days;

const QuotaSubject kTom{QuotaSubject::Kind::kKey, "tom"};
const QuotaSubject kTone{QuotaSubject::Kind::kAdapter, "tone"};
constexpr sys_days kToday{days(20'000)};

class QuotaDaysTest : public ::testing::Test {
 protected:
  QuotaDaysTest() { std::filesystem::create_directories(folder_); }
  ~QuotaDaysTest() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() /
                                        ("hyprstream_quota_test_" + std::to_string(getpid()));
};

TEST_F(QuotaDaysTest, WhatWasUsedTodaySurvives) {
  {
    QuotaDays book(folder_, kToday);
    book.Add(kTom, QuotaKind::kTokens, kToday, 500);
    book.Add(kTom, QuotaKind::kTokens, kToday, -100);
    book.Add(kTone, QuotaKind::kSamples, kToday, 3);
    EXPECT_EQ(book.Loaded(kTom, QuotaKind::kTokens, kToday), 0) << "what was there at its start";
  }
  {
    QuotaDays book(folder_, kToday);
    EXPECT_EQ(book.Loaded(kTom, QuotaKind::kTokens, kToday), 400);
    EXPECT_EQ(book.Loaded(kTone, QuotaKind::kSamples, kToday), 3);
    EXPECT_EQ(book.Loaded(kTone, QuotaKind::kTokens, kToday), 0);
    book.Add(kTom, QuotaKind::kTokens, kToday, 50);
    book.Add(kTone, QuotaKind::kSamples, kToday, -5);
  }
  const QuotaDays book(folder_, kToday);
  EXPECT_EQ(book.Loaded(kTom, QuotaKind::kTokens, kToday), 450);
  EXPECT_EQ(book.Loaded(kTone, QuotaKind::kSamples, kToday), 0) << "never below nothing";
}

TEST_F(QuotaDaysTest, YesterdayIsForgotten) {
  { QuotaDays(folder_, kToday).Add(kTom, QuotaKind::kTokens, kToday, 500); }
  { EXPECT_EQ(QuotaDays(folder_, kToday + days(1)).Loaded(kTom, QuotaKind::kTokens, kToday), 0); }
}

TEST_F(QuotaDaysTest, ProcessesCountIntoTheSameFile) {
  {
    QuotaDays one(folder_, kToday);
    QuotaDays other(folder_, kToday);
    one.Add(kTom, QuotaKind::kTokens, kToday, 5);
    other.Add(kTom, QuotaKind::kTokens, kToday, 7);
  }
  EXPECT_EQ(QuotaDays(folder_, kToday).Loaded(kTom, QuotaKind::kTokens, kToday), 12);
}

TEST_F(QuotaDaysTest, ALedgerGoesOnWhereTheLastOneEnded) {
  testing::ManualClock clock;
  QuotaRules rules;
  ReadQuotaWord("tpd=100", rules.keys["tom"]);
  ReadQuotaWord("spd=5", rules.adapters.otherwise);
  const std::vector<QuotaSubject> both{kTom, kTone};
  {
    QuotaDays book(folder_, kToday);
    QuotaLedger ledger(rules, &book, clock.clock());
    ledger.Admit(both, {.requests = 1, .tokens = 90, .samples = 5}).Settle({.tokens = 60});
    ledger.Admit(both, {.requests = 1, .samples = 2}).Settle({.samples = 2});
  }
  {
    QuotaDays book(folder_, kToday);
    QuotaLedger ledger(rules, &book, clock.clock());
    EXPECT_THROW(ledger.Admit(both, {.tokens = 41}), QuotaExceeded);
    EXPECT_THROW(ledger.Admit(both, {.samples = 4}), QuotaExceeded);
    (void)ledger.Admit(both, {.tokens = 40, .samples = 3});
    clock.Advance(12h);
    (void)ledger.Admit(both, {.tokens = 70, .samples = 1});
  }
  QuotaDays book(folder_, kToday + days(1));
  EXPECT_EQ(book.Loaded(kTom, QuotaKind::kTokens, kToday + days(1)), 70);
  EXPECT_EQ(book.Loaded(kTone, QuotaKind::kSamples, kToday + days(1)), 1);
}

TEST_F(QuotaDaysTest, ThreadsTogetherGetNoMoreThanTheLimit) {
  constexpr int kThreads = 8;
  testing::ManualClock clock;
  QuotaRules rules;
  for (const char* word : {"tpm=1000", "tpd=1000", "parallel=3"}) {
    ReadQuotaWord(word, rules.keys["tom"]);
  }
  ReadQuotaWord("rpm=100000", rules.adapters.otherwise);
  std::atomic<int64_t> used{0};
  std::atomic<int64_t> running{0};
  std::atomic<bool> overshot{false};
  {
    QuotaDays book(folder_, kToday);
    QuotaLedger ledger(rules, &book, clock.clock());
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        const std::vector<QuotaSubject> subjects{kTom,
                                                 {kTone.kind, "a" + std::to_string(thread % 3)}};
        for (int i = 0; i < 500; ++i) {
          try {
            QuotaTicket ticket = ledger.Admit(subjects, {.requests = 1, .tokens = 20});
            if (++running > 3) overshot = true;
            (void)ledger.Read();
            std::this_thread::yield();  // others come between
            used += i % 20;
            --running;
            ticket.Settle({.tokens = i % 20});
            std::this_thread::yield();
          } catch (const QuotaExceeded&) {
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(overshot);
    EXPECT_LE(used, 1000);
    EXPECT_GT(used, 1000 - 20 * 4);
    for (const auto& reading : ledger.Read()) {
      if (reading.subject != kTom) continue;
      EXPECT_EQ(reading.used, reading.period == QuotaPeriod::kNow ? 0 : used.load());
    }
  }
  EXPECT_EQ(QuotaDays(folder_, kToday).Loaded(kTom, QuotaKind::kTokens, kToday), used);
}

}  // namespace
}  // namespace hyprstream::server
