#include "server/quota_meter.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"

namespace hyprstream::server {
namespace {

using std::chrono::seconds;

constexpr seconds kMinute{60};
// Charges this close become one entry, so that a flood of requests cannot make a window large.
constexpr std::chrono::milliseconds kClose{100};
// Nobody knows when an answer in progress will end.
constexpr seconds kSoon{1};

}  // namespace

std::optional<QuotaMeter::Duration> QuotaMeter::Wait(const QuotaTime& now, int64_t amount,
                                                     int64_t limit) {
  if (amount <= 0) return Duration::zero();
  if (amount > limit) return std::nullopt;
  const int64_t excess = Used(now) + amount - limit;
  return excess <= 0 ? Duration::zero() : UntilFree(now, excess);
}

int64_t MinuteMeter::Used(const QuotaTime& now) {
  while (!entries_.empty() && entries_.front().last + kMinute <= now.steady) {
    used_ -= entries_.front().amount;
    entries_.pop_front();
  }
  return used_;
}

QuotaMeter::Duration MinuteMeter::Reset(const QuotaTime& now) { return UntilFree(now, Used(now)); }

QuotaMeter::Duration MinuteMeter::UntilFree(const QuotaTime& now, int64_t amount) {
  for (const Entry& entry : entries_) {
    if (amount <= 0) break;
    amount -= entry.amount;
    if (amount <= 0) return entry.last + kMinute - now.steady;
  }
  return Duration::zero();
}

void MinuteMeter::Charge(const QuotaTime& now, int64_t amount) {
  if (amount <= 0) return;
  used_ += amount;
  if (!entries_.empty() && now.steady - entries_.back().first < kClose) {
    entries_.back().last = std::max(entries_.back().last, now.steady);
    entries_.back().amount += amount;
  } else {
    entries_.push_back({now.steady, now.steady, amount});
  }
}

void MinuteMeter::Correct(const QuotaTime& charged, const QuotaTime& now, int64_t delta) {
  Used(now);
  const auto after = std::ranges::upper_bound(entries_, charged.steady, {}, &Entry::first);
  const bool there = after != entries_.begin() && charged.steady <= std::prev(after)->last;
  if (!there) return Charge(now, delta);
  Entry& entry = *std::prev(after);
  entry.amount += delta;
  used_ += delta;
}

int64_t DayMeter::Used(const QuotaTime& now) {
  if (now.day() != day_) {
    day_ = now.day();
    used_ = 0;
  }
  return used_;
}

QuotaMeter::Duration DayMeter::Reset(const QuotaTime& now) {
  if (Used(now) == 0) return Duration::zero();
  return now.day() + std::chrono::days(1) - now.utc;
}

QuotaMeter::Duration DayMeter::UntilFree(const QuotaTime& now, int64_t) { return Reset(now); }

void DayMeter::Charge(const QuotaTime& now, int64_t amount) { used_ = Used(now) + amount; }

void DayMeter::Correct(const QuotaTime& charged, const QuotaTime& now, int64_t delta) {
  if (Used(now) >= 0 && charged.day() == day_) used_ += delta;
}

QuotaMeter::Duration NowMeter::Reset(const QuotaTime&) {
  return running_ == 0 ? Duration::zero() : kSoon;
}

QuotaMeter::Duration NowMeter::UntilFree(const QuotaTime&, int64_t) { return kSoon; }

std::unique_ptr<QuotaMeter> MakeQuotaMeter(QuotaPeriod period) {
  switch (period) {
    case QuotaPeriod::kMinute:
      return std::make_unique<MinuteMeter>();
    case QuotaPeriod::kDay:
      return std::make_unique<DayMeter>();
    case QuotaPeriod::kNow:
      return std::make_unique<NowMeter>();
  }
  HYPR_CHECK(false);
  return nullptr;
}

}  // namespace hyprstream::server
