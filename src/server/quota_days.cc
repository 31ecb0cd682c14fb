#include "server/quota_days.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace hyprstream::server {
namespace {

using std::chrono::sys_days;

constexpr std::chrono::seconds kBetweenWrites{1};

int64_t Number(sys_days day) { return day.time_since_epoch().count(); }

}  // namespace

std::string_view QuotaSubjectName(QuotaSubject::Kind kind) {
  return kind == QuotaSubject::Kind::kKey ? "key" : "adapter";
}

QuotaDays::QuotaDays(const std::filesystem::path& folder, sys_days today)
    : database_(folder / "quota.db") {
  database_.Execute(
      "CREATE TABLE IF NOT EXISTS days (subject INTEGER NOT NULL, name TEXT NOT NULL, "
      "kind INTEGER NOT NULL, day INTEGER NOT NULL, used INTEGER NOT NULL, "
      "PRIMARY KEY (subject, name, kind, day)) WITHOUT ROWID");
  Statement(database_, "DELETE FROM days WHERE day < ?").Bind(1, Number(today)).Run();
  Load();
  thread_ = std::thread([this] { Run(); });
}

QuotaDays::~QuotaDays() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void QuotaDays::Load() {
  Statement row(database_, "SELECT subject, name, kind, day, used FROM days");
  while (row.Step()) {
    const Key key{
        .subject = {.kind = static_cast<QuotaSubject::Kind>(row.Int(0)), .name = row.Text(1)},
        .kind = static_cast<QuotaKind>(row.Int(2)),
        .day = sys_days(std::chrono::days(row.Int(3)))};
    loaded_[key] = row.Int(4);
  }
}

int64_t QuotaDays::Loaded(const QuotaSubject& subject, QuotaKind kind, sys_days day) const {
  const auto found = loaded_.find({.subject = subject, .kind = kind, .day = day});
  return found == loaded_.end() ? 0 : found->second;
}

void QuotaDays::Add(const QuotaSubject& subject, QuotaKind kind, sys_days day, int64_t delta) {
  if (delta == 0) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_[{.subject = subject, .kind = kind, .day = day}] += delta;
  }
  wake_.notify_one();
}

void QuotaDays::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    wake_.wait_for(lock, kBetweenWrites, [this] { return stop_; });
    const bool last = stop_;
    Amounts amounts = std::exchange(waiting_, {});
    lock.unlock();
    const bool written = amounts.empty() || Write(amounts);
    lock.lock();
    if (!written) {
      for (const auto& [key, amount] : amounts) waiting_[key] += amount;
    }
    if (last) return;
  }
}

bool QuotaDays::Write(const Amounts& amounts) {
  try {
    Transaction transaction(database_);
    Statement add(database_,
                  "INSERT INTO days (subject, name, kind, day, used) VALUES (?1, ?2, ?3, ?4, "
                  "max(?5, 0)) ON CONFLICT DO UPDATE SET used = max(used + ?5, 0)");
    for (const auto& [key, amount] : amounts) {
      add.Bind(1, static_cast<int64_t>(key.subject.kind))
          .Bind(2, key.subject.name)
          .Bind(3, static_cast<int64_t>(key.kind))
          .Bind(4, Number(key.day))
          .Bind(5, amount)
          .Run();
      add.Reset();
    }
    transaction.Commit();
    complained_ = false;
    return true;
  } catch (const Error& error) {
    if (!std::exchange(complained_, true)) {
      LogWarning(std::string("the day's use of quotas is kept in memory alone for now: ") +
                 error.what());
    }
    return false;
  }
}

}  // namespace hyprstream::server
