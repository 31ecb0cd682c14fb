// Who has used how much of what they may. A request is admitted by the most that it can take, all
// of its limits together or none, so that requests that arrive at once cannot overshoot; when it is
// over, it is settled by what it has taken, as if it had taken no more from the start. What a
// request takes belongs to the minute and the day in which it was admitted; nothing that was
// admitted is cut.
//
// Thread-safe: one lock around all accounts, held for microseconds; never while the disk works.
// Free of HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/quota.h"
#include "server/quota_days.h"
#include "server/quota_meter.h"

namespace hyprstream::server {

struct QuotaRules {
  std::map<std::string, QuotaLimits, std::less<>> keys;  // by the key's name
  AdapterQuotas adapters;

  /// Whether something is limited by the day.
  bool any_day() const;
};

struct QuotaClock {
  std::function<std::chrono::steady_clock::time_point()> steady = std::chrono::steady_clock::now;
  std::function<std::chrono::system_clock::time_point()> utc = std::chrono::system_clock::now;
};

/// Where somebody stands with the tightest of the limits of one kind.
struct QuotaStanding {
  QuotaKind kind = QuotaKind::kRequests;
  int64_t limit = 0;
  int64_t remaining = 0;
  std::chrono::nanoseconds reset{};  // until all of it remains again
};

/// Why a request is refused. As an Error it is kResourceExhausted and says which limit of whom, how
/// much was used, when to come back.
class QuotaExceeded : public Error {
 public:
  QuotaExceeded(const std::string& message, QuotaKind kind,
                std::optional<std::chrono::nanoseconds> wait, std::vector<QuotaStanding> standings)
      : Error(ErrorCode::kResourceExhausted, {.message = message}),
        kind_(kind),
        wait_(wait),
        standings_(std::move(standings)) {}

  QuotaKind kind() const { return kind_; }
  /// Nothing: the same request will never be admitted.
  std::optional<std::chrono::nanoseconds> wait() const { return wait_; }
  const std::vector<QuotaStanding>& standings() const { return standings_; }

 private:
  QuotaKind kind_;
  std::optional<std::chrono::nanoseconds> wait_;
  std::vector<QuotaStanding> standings_;
};

class QuotaLedger;

/// What was taken for one request until it is settled. Its ledger outlives it. One thread at a
/// time.
class QuotaTicket {
 public:
  QuotaTicket() = default;
  QuotaTicket(QuotaTicket&& other) noexcept { *this = std::move(other); }
  QuotaTicket& operator=(QuotaTicket&& other) noexcept;
  /// Without Settle: everything was used that was asked for.
  ~QuotaTicket() { Settle(amounts_); }

  /// What was used; requests are what they were. Only the first call counts.
  void Settle(const QuotaAmounts& used);
  /// When it was admitted, one for each kind that has a limit; empty: nothing was limited.
  const std::vector<QuotaStanding>& standings() const { return standings_; }

 private:
  friend class QuotaLedger;
  struct Account;

  QuotaLedger* ledger_ = nullptr;
  std::vector<std::shared_ptr<Account>> accounts_;
  QuotaTime charged_;
  QuotaAmounts amounts_;
  std::vector<QuotaStanding> standings_;
};

class QuotaLedger {
 public:
  /// `days` keeps the day's budgets; null: they last as long as the ledger.
  explicit QuotaLedger(QuotaRules rules, QuotaDays* days = nullptr, QuotaClock clock = {});
  ~QuotaLedger();

  /// Takes `most` from each subject, of which those without limits are passed over. Errors:
  /// QuotaExceeded, and nothing is taken.
  QuotaTicket Admit(std::span<const QuotaSubject> subjects, const QuotaAmounts& most);

  struct Reading {
    QuotaSubject subject;
    QuotaKind kind = QuotaKind::kRequests;
    QuotaPeriod period = QuotaPeriod::kMinute;
    int64_t limit = 0;
    int64_t used = 0;     // with what is reserved
    int64_t refused = 0;  // requests, since the ledger was made
  };
  /// Every limit of every key, and of the adapters that were asked for.
  std::vector<Reading> Read();

 private:
  friend class QuotaTicket;
  using Account = QuotaTicket::Account;

  QuotaTime Now();
  std::shared_ptr<Account> Find(const QuotaSubject& subject, const QuotaTime& now);
  std::shared_ptr<Account> Open(const QuotaSubject& subject, const QuotaLimits& limits,
                                const QuotaTime& now) const;
  void DropIdle(const QuotaTime& now);
  void Charge(Account& account, const QuotaAmounts& amounts, const QuotaTime& now);
  void Settle(QuotaTicket& ticket, const QuotaAmounts& used);
  static std::vector<QuotaStanding> Stand(std::span<const std::shared_ptr<Account>> accounts,
                                          const QuotaAmounts& asked, const QuotaTime& now);

  const QuotaRules rules_;
  QuotaDays* const days_;
  const QuotaClock clock_;
  std::mutex mutex_;
  std::chrono::sys_seconds latest_ = {};  // all guarded by mutex_
  std::chrono::sys_days swept_ = {};      // when DropIdle looked
  std::map<QuotaSubject, std::shared_ptr<Account>> accounts_;
};

}  // namespace hyprstream::server
