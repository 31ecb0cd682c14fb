#include "server/quota_ledger.h"

#include <algorithm>
#include <utility>

namespace hyprstream::server {
namespace {

using Duration = QuotaMeter::Duration;

struct Limit {
  QuotaWord word;
  int64_t most = 0;
  std::unique_ptr<QuotaMeter> meter;
  int64_t refused = 0;
};

bool LimitsADay(const QuotaLimits& limits) {
  for (size_t i = 0; i < kQuotaWords.size(); ++i) {
    if (limits.most[i] && kQuotaWords[i].period == QuotaPeriod::kDay) return true;
  }
  return false;
}

std::string PeriodText(QuotaPeriod period) {
  if (period == QuotaPeriod::kNow) return " at the same time";
  return " a " + std::string(QuotaPeriodName(period));
}

std::string SecondsText(Duration wait) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) + " s";
}

/// The limit that lets the request in last.
struct Obstacle {
  const QuotaSubject* subject = nullptr;
  Limit* limit = nullptr;
  std::optional<Duration> wait = {};

  bool before(const std::optional<Duration>& other) const {
    return limit == nullptr || (wait && (!other || *other > *wait));
  }
};

std::string Tell(const Obstacle& obstacle, const QuotaAmounts& asked, const QuotaTime& now) {
  const Limit& limit = *obstacle.limit;
  const QuotaKind kind = limit.word.kind;
  std::string text = "the " + std::string(QuotaSubjectName(obstacle.subject->kind)) + " \"" +
                     obstacle.subject->name + "\" may have " + std::to_string(limit.most) + " " +
                     std::string(QuotaKindName(kind)) + PeriodText(limit.word.period);
  const std::string amount = std::to_string(asked.of(kind));
  if (!obstacle.wait) {
    text += " and this request alone may take " + amount;
    if (kind == QuotaKind::kTokens) text += "; ask for fewer with max_tokens";
    return text;
  }
  text += ", " + std::to_string(limit.meter->Used(now)) +
          (limit.word.period == QuotaPeriod::kNow ? " are in progress" : " are used or reserved");
  if (kind != QuotaKind::kRequests) text += " and this request may take " + amount;
  return text + "; come back in " + SecondsText(*obstacle.wait);
}

}  // namespace

bool QuotaRules::any_day() const {
  const auto of_entry = [](const auto& entry) { return LimitsADay(entry.second); };
  return std::ranges::any_of(keys, of_entry) || std::ranges::any_of(adapters.named, of_entry) ||
         LimitsADay(adapters.otherwise);
}

/// Guarded by the ledger's lock.
struct QuotaTicket::Account {
  QuotaSubject subject;
  std::vector<Limit> limits;
};

QuotaTicket& QuotaTicket::operator=(QuotaTicket&& other) noexcept {
  if (this == &other) return *this;
  Settle(amounts_);
  ledger_ = std::exchange(other.ledger_, nullptr);
  accounts_ = std::exchange(other.accounts_, {});
  charged_ = other.charged_;
  amounts_ = other.amounts_;
  standings_ = std::exchange(other.standings_, {});
  return *this;
}

void QuotaTicket::Settle(const QuotaAmounts& used) {
  if (ledger_ != nullptr) std::exchange(ledger_, nullptr)->Settle(*this, used);
}

QuotaLedger::QuotaLedger(QuotaRules rules, QuotaDays* days, QuotaClock clock)
    : rules_(std::move(rules)), days_(days), clock_(std::move(clock)) {
  const QuotaTime now = Now();
  for (const auto& [name, limits] : rules_.keys) {
    (void)Find({.kind = QuotaSubject::Kind::kKey, .name = name}, now);
  }
}

QuotaLedger::~QuotaLedger() = default;

QuotaTime QuotaLedger::Now() {
  latest_ = std::max(latest_, std::chrono::floor<std::chrono::seconds>(clock_.utc()));
  return {.steady = clock_.steady(), .utc = latest_};
}

std::shared_ptr<QuotaTicket::Account> QuotaLedger::Open(const QuotaSubject& subject,
                                                        const QuotaLimits& limits,
                                                        const QuotaTime& now) const {
  auto account = std::make_shared<Account>();
  account->subject = subject;
  for (size_t i = 0; i < kQuotaWords.size(); ++i) {
    if (!limits.most[i]) continue;
    const QuotaWord word = kQuotaWords[i];
    Limit& limit = account->limits.emplace_back(word, *limits.most[i], MakeQuotaMeter(word.period));
    if (days_ == nullptr || word.period != QuotaPeriod::kDay) continue;
    limit.meter->Charge(now, days_->Loaded(subject, word.kind, now.day()));
  }
  return account;
}

/// Null: it has no limits.
std::shared_ptr<QuotaTicket::Account> QuotaLedger::Find(const QuotaSubject& subject,
                                                        const QuotaTime& now) {
  if (const auto known = accounts_.find(subject); known != accounts_.end()) return known->second;
  const bool key = subject.kind == QuotaSubject::Kind::kKey;
  const auto& named = key ? rules_.keys : rules_.adapters.named;
  const auto rule = named.find(subject.name);
  const QuotaLimits& limits = rule != named.end() ? rule->second
                              : key               ? QuotaLimits{}
                                                  : rules_.adapters.otherwise;
  if (!limits.any()) return nullptr;
  return accounts_.emplace(subject, Open(subject, limits, now)).first->second;
}

/// Adapters come and go; once a day those are forgotten that nobody uses.
void QuotaLedger::DropIdle(const QuotaTime& now) {
  if (std::exchange(swept_, now.day()) == now.day()) return;
  std::erase_if(accounts_, [&](const auto& entry) {
    return entry.first.kind == QuotaSubject::Kind::kAdapter && entry.second.use_count() == 1 &&
           std::ranges::all_of(entry.second->limits,
                               [&](const Limit& limit) { return limit.meter->Used(now) == 0; });
  });
}

QuotaTicket QuotaLedger::Admit(std::span<const QuotaSubject> subjects, const QuotaAmounts& most) {
  const std::lock_guard lock(mutex_);
  const QuotaTime now = Now();
  DropIdle(now);
  QuotaTicket ticket;
  Obstacle obstacle;
  for (const QuotaSubject& subject : subjects) {
    auto account = Find(subject, now);
    if (account == nullptr ||
        std::ranges::find(ticket.accounts_, account) != ticket.accounts_.end())
      continue;
    for (Limit& limit : account->limits) {
      const auto wait = limit.meter->Wait(now, most.of(limit.word.kind), limit.most);
      if (wait && *wait == Duration::zero()) continue;
      if (obstacle.before(wait)) obstacle = {&account->subject, &limit, wait};
    }
    ticket.accounts_.push_back(std::move(account));
  }
  if (obstacle.limit != nullptr) {
    ++obstacle.limit->refused;
    throw QuotaExceeded(Tell(obstacle, most, now), obstacle.limit->word.kind, obstacle.wait,
                        Stand(ticket.accounts_, most, now));
  }
  if (ticket.accounts_.empty()) return ticket;
  for (const auto& account : ticket.accounts_) Charge(*account, most, now);
  ticket.standings_ = Stand(ticket.accounts_, most, now);
  ticket.ledger_ = this;
  ticket.charged_ = now;
  ticket.amounts_ = most;
  return ticket;
}

void QuotaLedger::Charge(Account& account, const QuotaAmounts& amounts, const QuotaTime& now) {
  for (Limit& limit : account.limits) {
    const int64_t amount = amounts.of(limit.word.kind);
    limit.meter->Charge(now, amount);
    if (days_ == nullptr || limit.word.period != QuotaPeriod::kDay) continue;
    days_->Add(account.subject, limit.word.kind, now.day(), amount);
  }
}

void QuotaLedger::Settle(QuotaTicket& ticket, const QuotaAmounts& used) {
  const std::lock_guard lock(mutex_);
  const QuotaTime now = Now();
  for (const auto& account : ticket.accounts_) {
    for (Limit& limit : account->limits) {
      const QuotaKind kind = limit.word.kind;
      int64_t delta = std::max<int64_t>(used.of(kind), 0) - ticket.amounts_.of(kind);
      if (kind == QuotaKind::kRequests) delta = 0;
      if (limit.word.period == QuotaPeriod::kNow) delta = -ticket.amounts_.of(kind);
      if (delta == 0) continue;
      limit.meter->Correct(ticket.charged_, now, delta);
      if (days_ == nullptr || limit.word.period != QuotaPeriod::kDay) continue;
      days_->Add(account->subject, kind, ticket.charged_.day(), delta);
    }
  }
  ticket.accounts_.clear();
}

/// Of the kinds that are asked for, and of requests.
std::vector<QuotaStanding> QuotaLedger::Stand(std::span<const std::shared_ptr<Account>> accounts,
                                              const QuotaAmounts& asked, const QuotaTime& now) {
  std::vector<QuotaStanding> standings;
  for (const auto& account : accounts) {
    for (const Limit& limit : account->limits) {
      const QuotaKind kind = limit.word.kind;
      if (limit.word.period == QuotaPeriod::kNow || asked.of(kind) == 0) continue;
      const QuotaStanding standing{
          .kind = kind,
          .limit = limit.most,
          .remaining = std::max<int64_t>(limit.most - limit.meter->Used(now), 0),
          .reset = limit.meter->Reset(now)};
      const auto same = std::ranges::find(standings, kind, &QuotaStanding::kind);
      if (same == standings.end()) {
        standings.push_back(standing);
      } else if (standing.remaining < same->remaining) {
        *same = standing;
      }
    }
  }
  return standings;
}

std::vector<QuotaLedger::Reading> QuotaLedger::Read() {
  const std::lock_guard lock(mutex_);
  const QuotaTime now = Now();
  std::vector<Reading> readings;
  for (const auto& [subject, account] : accounts_) {
    for (const Limit& limit : account->limits) {
      readings.push_back({.subject = subject,
                          .kind = limit.word.kind,
                          .period = limit.word.period,
                          .limit = limit.most,
                          .used = limit.meter->Used(now),
                          .refused = limit.refused});
    }
  }
  return readings;
}

}  // namespace hyprstream::server
