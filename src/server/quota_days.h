// What was used today, on the disk, so that a day's budget survives a restart: a table of quota.db
// in the data folder. Uses are gathered in memory and written by a thread of its own within a
// second, and when the object goes away; a process that is killed forgets at most that second.
// Several processes may count into the same file: each adds what it has seen, and learns of the
// others' when it starts. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/sqlite.h"
#include "server/quota.h"

namespace hyprstream::server {

/// Whose use is counted.
struct QuotaSubject {
  enum class Kind { kKey, kAdapter };
  Kind kind = Kind::kKey;
  std::string name;  // of a key: its name, never the key

  auto operator<=>(const QuotaSubject&) const = default;
};
/// "key", "adapter".
std::string_view QuotaSubjectName(QuotaSubject::Kind kind);

class QuotaDays {
 public:
  /// Opens or creates `folder`/quota.db and forgets days before `today`. Errors: those of Database.
  QuotaDays(const std::filesystem::path& folder, std::chrono::sys_days today);
  /// Writes what is not written yet.
  ~QuotaDays();
  QuotaDays(const QuotaDays&) = delete;
  QuotaDays& operator=(const QuotaDays&) = delete;

  /// What was used on that day by the time this object was made.
  int64_t Loaded(const QuotaSubject& subject, QuotaKind kind, std::chrono::sys_days day) const;
  /// Quick: the disk is not waited for.
  void Add(const QuotaSubject& subject, QuotaKind kind, std::chrono::sys_days day, int64_t delta);

 private:
  struct Key {
    QuotaSubject subject;
    QuotaKind kind = QuotaKind::kRequests;
    std::chrono::sys_days day = {};
    auto operator<=>(const Key&) const = default;
  };
  using Amounts = std::map<Key, int64_t>;

  void Load();
  void Run();
  /// False: the disk refused, which is told in the log; nothing was written.
  bool Write(const Amounts& amounts);

  Database database_;        // after the constructor the thread's alone, as the next
  bool complained_ = false;  // that the disk refuses
  Amounts loaded_;           // immutable after the constructor
  std::mutex mutex_;
  std::condition_variable wake_;
  Amounts waiting_;    // guarded by mutex_
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hyprstream::server
