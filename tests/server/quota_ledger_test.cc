// Quotas on a clock that the test moves.
#include "server/quota_ledger.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "quota_clock.h"

namespace hyprstream::server {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

QuotaLimits Limits(std::initializer_list<const char*> words) {
  QuotaLimits limits;
  for (const char* word : words) EXPECT_TRUE(ReadQuotaWord(word, limits));
  return limits;
}

QuotaSubject Key(std::string name) { return {QuotaSubject::Kind::kKey, std::move(name)}; }
QuotaSubject Adapter(std::string name) { return {QuotaSubject::Kind::kAdapter, std::move(name)}; }

class QuotaLedgerTest : public ::testing::Test {
 protected:
  QuotaLedger Make(QuotaLimits tom, QuotaLimits any_adapter = {}) {
    return QuotaLedger(
        {.keys = {{"tom", tom}}, .adapters = {.otherwise = any_adapter, .named = {}}}, nullptr,
        clock_.clock());
  }
  /// Admits and settles at once; nothing for what is refused.
  static bool Take(QuotaLedger& ledger, std::vector<QuotaSubject> subjects, QuotaAmounts amounts) {
    try {
      (void)ledger.Admit(subjects, amounts);
      return true;
    } catch (const QuotaExceeded&) {
      return false;
    }
  }
  static QuotaExceeded Refusal(QuotaLedger& ledger, std::vector<QuotaSubject> subjects,
                               QuotaAmounts amounts) {
    try {
      (void)ledger.Admit(subjects, amounts);
    } catch (const QuotaExceeded& refusal) {
      return refusal;
    }
    ADD_FAILURE() << "it was admitted";
    return {"", QuotaKind::kRequests, {}, {}};
  }
  static int64_t Used(QuotaLedger& ledger, const QuotaSubject& subject, QuotaKind kind,
                      QuotaPeriod period) {
    for (const auto& reading : ledger.Read()) {
      if (reading.subject == subject && reading.kind == kind && reading.period == period) {
        return reading.used;
      }
    }
    return -1;
  }
  int64_t Tokens(QuotaLedger& ledger) {
    return Used(ledger, Key("tom"), QuotaKind::kTokens, QuotaPeriod::kMinute);
  }

  ManualClock clock_;
};

TEST_F(QuotaLedgerTest, AKeyWithoutLimitsIsNeverRefused) {
  QuotaLedger ledger = Make(Limits({"rpm=1"}));
  const std::vector<QuotaSubject> other{Key("ann"), Adapter("tone")};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Take(ledger, other, {.requests = 1, .tokens = 1000}));
  EXPECT_TRUE(ledger.Admit(other, {.requests = 1}).standings().empty());
}

TEST_F(QuotaLedgerTest, SaysWhichLimitOfWhomAndWhenToComeBack) {
  QuotaLedger ledger = Make(Limits({"rpm=2"}));
  EXPECT_TRUE(Take(ledger, {Key("tom")}, {.requests = 1}));
  clock_.Advance(15s);
  EXPECT_TRUE(Take(ledger, {Key("tom")}, {.requests = 1}));
  clock_.Advance(2500ms);
  const QuotaExceeded refusal = Refusal(ledger, {Key("tom")}, {.requests = 1});
  EXPECT_EQ(refusal.kind(), QuotaKind::kRequests);
  EXPECT_EQ(refusal.wait(), 42'500ms);
  EXPECT_EQ(
      refusal.detail().message,
      "the key \"tom\" may have 2 requests a minute, 2 are used or reserved; come back in 43 s");
  clock_.Advance(42'499ms);
  EXPECT_FALSE(Take(ledger, {Key("tom")}, {.requests = 1}));
  clock_.Advance(1ms);
  EXPECT_TRUE(Take(ledger, {Key("tom")}, {.requests = 1}));
  EXPECT_FALSE(Take(ledger, {Key("tom")}, {.requests = 1})) << "only the oldest has left";
}

TEST_F(QuotaLedgerTest, WhatNeverFitsIsToldSo) {
  QuotaLedger ledger = Make(Limits({"tpm=100"}));
  const QuotaExceeded refusal = Refusal(ledger, {Key("tom")}, {.requests = 1, .tokens = 101});
  EXPECT_EQ(refusal.wait(), std::nullopt);
  EXPECT_EQ(refusal.detail().message,
            "the key \"tom\" may have 100 tokens a minute and this request alone may take 101; ask "
            "for fewer with max_tokens");
}

TEST_F(QuotaLedgerTest, RequestsThatArriveAtOnceCannotOvershoot) {
  QuotaLedger ledger = Make(Limits({"tpm=100"}));
  const std::vector<QuotaSubject> tom{Key("tom")};
  QuotaTicket first = ledger.Admit(tom, {.requests = 1, .tokens = 60});
  EXPECT_FALSE(Take(ledger, tom, {.requests = 1, .tokens = 60}));
  QuotaTicket second = ledger.Admit(tom, {.requests = 1, .tokens = 40});
  EXPECT_EQ(Tokens(ledger), 100);
  first.Settle({.tokens = 10});
  EXPECT_EQ(Tokens(ledger), 50);
  first.Settle({.tokens = 0});
  EXPECT_EQ(Tokens(ledger), 50) << "it is settled once";
  QuotaTicket third = ledger.Admit(tom, {.requests = 1, .tokens = 50});
  third = std::move(second);  // the one that was there goes as if all of it was used
  EXPECT_EQ(Tokens(ledger), 100);
  third.Settle({.tokens = 0});
  EXPECT_EQ(Tokens(ledger), 60);
}

TEST_F(QuotaLedgerTest, WhatIsSettledAfterItsMinuteGivesNothingBack) {
  QuotaLedger ledger = Make(Limits({"tpm=100"}));
  QuotaTicket slow = ledger.Admit({{Key("tom")}}, {.requests = 1, .tokens = 60});
  clock_.Advance(61s);
  QuotaTicket next = ledger.Admit({{Key("tom")}}, {.requests = 1, .tokens = 100});
  slow.Settle({.tokens = 1});
  EXPECT_EQ(Tokens(ledger), 100);
}

TEST_F(QuotaLedgerTest, AllLimitsAreTakenTogetherOrNone) {
  QuotaLedger ledger = Make(Limits({"rpm=5", "tpd=50"}), Limits({"spm=3"}));
  const std::vector<QuotaSubject> both{Key("tom"), Adapter("tone")};
  EXPECT_FALSE(Take(ledger, both, {.requests = 1, .tokens = 10, .samples = 4}));
  EXPECT_FALSE(Take(ledger, both, {.requests = 1, .tokens = 51, .samples = 1}));
  EXPECT_EQ(Used(ledger, Key("tom"), QuotaKind::kRequests, QuotaPeriod::kMinute), 0);
  EXPECT_EQ(Used(ledger, Key("tom"), QuotaKind::kTokens, QuotaPeriod::kDay), 0);
  EXPECT_EQ(Used(ledger, Adapter("tone"), QuotaKind::kSamples, QuotaPeriod::kMinute), 0);
  EXPECT_TRUE(Take(ledger, both, {.requests = 1, .tokens = 50, .samples = 3}));
  EXPECT_TRUE(Take(ledger, {Key("tom"), Adapter("calm")}, {.requests = 1, .samples = 3}))
      << "each adapter has its own";
}

TEST_F(QuotaLedgerTest, TheWaitIsThatOfTheLastLimitThatLetsItIn) {
  QuotaLedger ledger = Make(Limits({"rpm=1", "rpd=1"}));
  EXPECT_TRUE(Take(ledger, {Key("tom")}, {.requests = 1}));
  EXPECT_EQ(Refusal(ledger, {Key("tom")}, {.requests = 1}).wait(), 11h) << "until midnight";
}

TEST_F(QuotaLedgerTest, ADaysBudgetBeginsAgainAtMidnight) {
  QuotaLedger ledger = Make(Limits({"spd=10"}));
  QuotaTicket late = ledger.Admit({{Key("tom")}}, {.samples = 10});
  clock_.Advance(11h - 1s);
  EXPECT_EQ(Refusal(ledger, {Key("tom")}, {.samples = 1}).wait(), 1s);
  clock_.Advance(1s);
  EXPECT_TRUE(Take(ledger, {Key("tom")}, {.samples = 10}));
  late.Settle({.samples = 0});
  EXPECT_FALSE(Take(ledger, {Key("tom")}, {.samples = 1})) << "yesterday's gives nothing back";
}

TEST_F(QuotaLedgerTest, RequestsInProgressAreCountedUntilTheyEnd) {
  QuotaLedger ledger = Make(Limits({"parallel=2"}));
  std::optional<QuotaTicket> first = ledger.Admit({{Key("tom")}}, {.requests = 1});
  QuotaTicket second = ledger.Admit({{Key("tom")}}, {.requests = 1});
  clock_.Advance(1h);
  EXPECT_EQ(Refusal(ledger, {Key("tom")}, {.requests = 1}).wait(), 1s);
  first.reset();
  EXPECT_TRUE(Take(ledger, {Key("tom")}, {.requests = 1}));
  QuotaTicket third = ledger.Admit({{Key("tom")}}, {.requests = 1});
  EXPECT_FALSE(Take(ledger, {Key("tom")}, {.requests = 1}));
}

TEST_F(QuotaLedgerTest, TellsTheTightestLimitOfEachKind) {
  QuotaLedger ledger = Make(Limits({"rpm=10", "tpm=1000", "tpd=300"}), Limits({"rpm=5"}));
  (void)ledger.Admit({{Key("tom"), Adapter("tone")}}, {.requests = 1, .tokens = 100});
  clock_.Advance(20s);
  const QuotaTicket ticket =
      ledger.Admit({{Key("tom"), Adapter("tone")}}, {.requests = 1, .tokens = 50});
  const auto& standings = ticket.standings();
  ASSERT_EQ(standings.size(), 2u);
  EXPECT_EQ(standings[0].kind, QuotaKind::kRequests);
  EXPECT_EQ(standings[0].limit, 5);
  EXPECT_EQ(standings[0].remaining, 3);
  EXPECT_EQ(standings[0].reset, 60s);
  EXPECT_EQ(standings[1].kind, QuotaKind::kTokens);
  EXPECT_EQ(standings[1].limit, 300);
  EXPECT_EQ(standings[1].remaining, 150);
  EXPECT_EQ(standings[1].reset, 11h - 20s);
}

TEST_F(QuotaLedgerTest, AdaptersThatNobodyUsesAreForgotten) {
  QuotaLedger ledger = Make({}, Limits({"rpm=5"}));
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(Take(ledger, {Adapter("a" + std::to_string(i))}, {.requests = 1}));
  }
  EXPECT_EQ(ledger.Read().size(), 50u);
  clock_.Advance(24h);
  EXPECT_TRUE(Take(ledger, {Adapter("b")}, {.requests = 1}));
  EXPECT_EQ(ledger.Read().size(), 1u);
}

/// What an admitted request has taken, and when it was admitted.
struct Taken {
  ManualClock::Duration at;
  int64_t reserved;
  int64_t used;
};

/// The most that any 60 seconds hold; windows that begin with a charge are the fullest.
int64_t FullestWindow(const std::vector<Taken>& all, int64_t Taken::*amount) {
  int64_t most = 0;
  for (const Taken& first : all) {
    int64_t sum = 0;
    for (const Taken& taken : all) {
      if (taken.at >= first.at && taken.at < first.at + 60s) sum += taken.*amount;
    }
    most = std::max(most, sum);
  }
  return most;
}

// Requests that take less than they reserved never exceed the limit; when some take more, what is
// beyond the limit is what the estimates were short by.
TEST(QuotaLedgerPropertyTest, NoMinuteEverHoldsMoreThanTheLimit) {
  EXPECT_TRUE(rc::check([] {
    ManualClock clock;
    const auto limit = *rc::gen::inRange<int64_t>(1, 200);
    const int64_t excess = *rc::gen::elementOf(std::vector<int64_t>{0, 5});
    QuotaLimits limits;
    ReadQuotaWord("tpm=" + std::to_string(limit), limits);
    QuotaLedger ledger({.keys = {{"tom", limits}}, .adapters = {}}, nullptr, clock.clock());
    struct Open {
      QuotaTicket ticket;
      size_t taken;
    };
    std::vector<Open> open;
    std::vector<Taken> all;
    const auto steps = *rc::gen::inRange(1, 150);
    for (int step = 0; step < steps; ++step) {
      clock.Advance(std::chrono::milliseconds(
          *rc::gen::elementOf(std::vector<int64_t>{0, 1, 50, 99, 1000, 7'000, 30'000, 59'999})));
      const auto amount = *rc::gen::inRange<int64_t>(0, limit + 20);
      try {
        open.push_back(
            {ledger.Admit({{Key("tom")}}, {.requests = 1, .tokens = amount}), all.size()});
        all.push_back({clock.now(), amount, amount});
      } catch (const QuotaExceeded& refusal) {
        RC_ASSERT(refusal.wait().has_value() == (amount <= limit));
        if (refusal.wait()) {
          RC_ASSERT(*refusal.wait() > 0s);
          RC_ASSERT(*refusal.wait() <= 60s);
        }
      }
      if (open.empty() || *rc::gen::inRange(0, 3) == 0) continue;
      const auto which = *rc::gen::inRange<size_t>(0, open.size());
      Taken& taken = all[open[which].taken];
      taken.used = *rc::gen::elementOf(std::vector<int64_t>{
          0, taken.reserved, *rc::gen::inRange<int64_t>(0, taken.reserved + excess + 1)});
      open[which].ticket.Settle({.tokens = taken.used});
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      const int64_t used = ledger.Read().front().used;
      RC_ASSERT(used >= 0);
      if (excess == 0) RC_ASSERT(used <= limit);
    }
    int64_t short_by = 0;
    for (const Taken& taken : all) short_by += std::max<int64_t>(taken.used - taken.reserved, 0);
    RC_ASSERT(FullestWindow(all, &Taken::used) <= limit + short_by);
  }));
}

// Whoever waits as long as it was told to is admitted.
TEST(QuotaLedgerPropertyTest, TheWaitIsRight) {
  EXPECT_TRUE(rc::check([] {
    ManualClock clock;
    QuotaLimits limits;
    ReadQuotaWord("tpm=100", limits);
    ReadQuotaWord("rpm=7", limits);
    QuotaLedger ledger({.keys = {{"tom", limits}}, .adapters = {}}, nullptr, clock.clock());
    const std::vector<QuotaSubject> tom{Key("tom")};
    for (int step = 0; step < 40; ++step) {
      clock.Advance(std::chrono::milliseconds(*rc::gen::inRange<int64_t>(0, 20'000)));
      const QuotaAmounts amounts{.requests = 1, .tokens = *rc::gen::inRange<int64_t>(0, 100)};
      try {
        (void)ledger.Admit(tom, amounts);
      } catch (const QuotaExceeded& refusal) {
        clock.Advance(*refusal.wait() - 1ns);
        RC_ASSERT_THROWS_AS(ledger.Admit(tom, amounts), QuotaExceeded);
        clock.Advance(1ns);
        (void)ledger.Admit(tom, amounts);
      }
    }
  }));
}

}  // namespace
}  // namespace hyprstream::server
