#include "base/sqlite.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"

namespace hyprstream {
namespace {

class SqliteTest : public ::testing::Test {
 protected:
  SqliteTest()
      : path_(std::filesystem::temp_directory_path() /
              ("hyprstream_sqlite_test_" + std::to_string(getpid()) + ".db")) {
    Remove();
  }
  ~SqliteTest() override { Remove(); }
  void Remove() {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + end);
  }
  std::filesystem::path path_;
};

TEST_F(SqliteTest, KeepsWhatWasCommittedAndNothingElse) {
  {
    Database database(path_);
    database.Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, real REAL)");
    Transaction kept(database);
    Statement insert(database, "INSERT INTO t (text, real) VALUES (?, ?)");
    insert.Bind(1, std::string_view("a\0b", 3)).Bind(2, std::optional<double>()).Run();
    kept.Commit();
    EXPECT_EQ(database.last_insert_id(), 1);
    Transaction dropped(database);
    insert.Reset();
    insert.Bind(1, "lost").Bind(2, 1.5).Run();
  }
  Database database(path_);
  Statement row(database, "SELECT text, real FROM t");
  ASSERT_TRUE(row.Step());
  EXPECT_EQ(row.Text(0), std::string("a\0b", 3));
  EXPECT_TRUE(row.IsNull(1));
  EXPECT_FALSE(row.OptionalReal(1).has_value());
  EXPECT_FALSE(row.Step());
}

TEST_F(SqliteTest, TellsErrorsApart) {
  Database database(path_);
  database.Execute("CREATE TABLE t (name TEXT UNIQUE); INSERT INTO t VALUES ('a')");
  const auto code = [&](auto&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kCancelled;
  };
  EXPECT_EQ(code([&] { database.Execute("INSERT INTO t VALUES ('a')"); }),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(code([&] { Statement(database, "SELECT nothing FROM t"); }), ErrorCode::kIo);
  const std::filesystem::path foreign = path_.string() + "-wal.txt";
  std::ofstream(foreign) << std::string(4096, 'x');
  EXPECT_EQ(code([&] { Database no(foreign); }), ErrorCode::kDataLoss);
  std::filesystem::remove(foreign);
}

}  // namespace
}  // namespace hyprstream
