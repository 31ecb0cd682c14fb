// How much was used over a time, and when there is room again. One meter per limit:
//
//   minute  a sliding window: what was charged leaves exactly 60 seconds later, so that no 60
//           seconds, wherever they begin, ever hold more than was allowed (a bucket that refills
//           lets twice as much through, fixed windows too);
//   day     the calendar day, UTC;
//   now     what is in progress.
//
// Owned and called by the QuotaLedger, under its lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "server/quota.h"

namespace hyprstream::server {

/// The same moment on the clock that never jumps and on the calendar.
struct QuotaTime {
  std::chrono::steady_clock::time_point steady = {};
  std::chrono::sys_seconds utc = {};  // never goes back

  std::chrono::sys_days day() const { return std::chrono::floor<std::chrono::days>(utc); }
};

class QuotaMeter {
 public:
  using Duration = std::chrono::steady_clock::duration;

  virtual ~QuotaMeter() = default;

  virtual int64_t Used(const QuotaTime& now) = 0;
  /// Until `amount` more is within `limit`, if nobody charges anything meanwhile; 0: now. Nothing:
  /// never.
  std::optional<Duration> Wait(const QuotaTime& now, int64_t amount, int64_t limit);
  /// Until all that is used by now counts no more.
  virtual Duration Reset(const QuotaTime& now) = 0;
  virtual void Charge(const QuotaTime& now, int64_t amount) = 0;
  /// What was charged at `charged` turns out to have been `delta` more, or, negative, at most all
  /// of it less. What counts no more gives nothing back.
  virtual void Correct(const QuotaTime& charged, const QuotaTime& now, int64_t delta) = 0;

 protected:
  /// Until `amount`, which is no more than is used, counts no more.
  virtual Duration UntilFree(const QuotaTime& now, int64_t amount) = 0;
};

class MinuteMeter : public QuotaMeter {
 public:
  int64_t Used(const QuotaTime& now) override;
  Duration Reset(const QuotaTime& now) override;
  void Charge(const QuotaTime& now, int64_t amount) override;
  void Correct(const QuotaTime& charged, const QuotaTime& now, int64_t delta) override;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// Charges that came close together; they leave together, with the last.
  struct Entry {
    TimePoint first;
    TimePoint last;
    int64_t amount = 0;
  };

  Duration UntilFree(const QuotaTime& now, int64_t amount) override;

  std::deque<Entry> entries_;  // oldest first; few, because close ones are one
  int64_t used_ = 0;
};

class DayMeter : public QuotaMeter {
 public:
  int64_t Used(const QuotaTime& now) override;
  Duration Reset(const QuotaTime& now) override;
  void Charge(const QuotaTime& now, int64_t amount) override;
  void Correct(const QuotaTime& charged, const QuotaTime& now, int64_t delta) override;

 private:
  Duration UntilFree(const QuotaTime& now, int64_t amount) override;

  std::chrono::sys_days day_ = {};
  int64_t used_ = 0;  // on that day
};

class NowMeter : public QuotaMeter {
 public:
  int64_t Used(const QuotaTime&) override { return running_; }
  Duration Reset(const QuotaTime& now) override;
  void Charge(const QuotaTime&, int64_t amount) override { running_ += amount; }
  void Correct(const QuotaTime&, const QuotaTime&, int64_t delta) override { running_ += delta; }

 private:
  Duration UntilFree(const QuotaTime& now, int64_t amount) override;

  int64_t running_ = 0;
};

std::unique_ptr<QuotaMeter> MakeQuotaMeter(QuotaPeriod period);

}  // namespace hyprstream::server
