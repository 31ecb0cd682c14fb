// A clock that moves only when it is told to.
#pragma once

#include <chrono>

#include "server/quota_ledger.h"

namespace hyprstream::testing {

/// Outlives the ledgers that it is given to.
class ManualClock {
 public:
  using Duration = std::chrono::steady_clock::duration;

  void Advance(Duration time) { now_ += time; }
  Duration now() const { return now_; }

  server::QuotaClock clock() {
    return {.steady = [this] { return std::chrono::steady_clock::time_point(now_); },
            .utc = [this] { return std::chrono::system_clock::time_point(kNoon + now_); }};
  }

 private:
  static constexpr Duration kNoon = std::chrono::days(20'000) + std::chrono::hours(12);

  Duration now_ = std::chrono::hours(1);
};

}  // namespace hyprstream::testing
