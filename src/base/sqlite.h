// SQLite (WAL) behind a few value types: a database, statements bound by position, transactions.
// A Database is used by one thread at a time; several processes may hold the same file. Every error
// is an Error naming the file and what SQLite said.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace hyprstream {

class Database;

/// A prepared statement. Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(int parameter, int64_t value);
  Statement& Bind(int parameter, double value);
  Statement& Bind(int parameter, std::string_view text);
  Statement& BindNull(int parameter);
  template <typename T>
  Statement& Bind(int parameter, const std::optional<T>& value) {
    return value ? Bind(parameter, *value) : BindNull(parameter);
  }

  /// True while there is a row to read. Errors: kAlreadyExists for a violated UNIQUE or primary
  /// key, kResourceExhausted for a full disk, kUnavailable when another process keeps the lock for
  /// longer than the time-out, kDataLoss for a damaged file, else kIo.
  bool Step();
  /// For statements without rows.
  void Run() {
    while (Step()) {
    }
  }
  /// Ready to be bound and run again.
  void Reset();

  bool IsNull(int column) const;
  int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;
  std::optional<double> OptionalReal(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  /// Opens or creates `path`: WAL, every commit on disk before it returns (synchronous FULL),
  /// foreign keys on, 10 s of patience with other writers.
  explicit Database(const std::filesystem::path& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Any number of statements without parameters.
  void Execute(std::string_view sql);
  int64_t last_insert_id() const;
  /// Rows that the last INSERT, UPDATE or DELETE touched.
  int64_t changes() const;

 private:
  friend class Statement;
  [[noreturn]] void Fail(int code) const;

  std::filesystem::path path_;
  sqlite3* handle_ = nullptr;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back when it goes away without Commit.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void Commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace hyprstream
