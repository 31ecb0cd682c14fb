#include "adapters/file_records.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <system_error>

#include "adapters/catalog.h"
#include "base/atomic_file.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;

// A content is written before its entry; nobody takes that long in between.
constexpr std::chrono::hours kStray{1};

FileRecord ReadRow(const Statement& row) {
  return {.id = row.Text(0),
          .filename = row.Text(1),
          .purpose = row.Text(2),
          .bytes = row.Int(3),
          .created = row.Int(4)};
}

int64_t RowAfter(Database& database, const FileQuery& query) {
  if (query.after.empty()) return query.newest_first ? INT64_MAX : 0;
  Statement row(database, "SELECT row FROM files WHERE id = ?");
  if (row.Bind(1, query.after).Step()) return row.Int(0);
  throw Error(ErrorCode::kNotFound,
              {.message = "there is no such file", .found = query.after, .where = "after"});
}

}  // namespace

FileRecords::FileRecords(const fs::path& home)
    : folder_(home / "files"), database_(CatalogPath(home)) {
  MakeCatalogTables(database_);
  fs::create_directories(folder_);
  RemoveStrays();
}

void FileRecords::RemoveStrays() {
  const auto long_ago = fs::file_time_type::clock::now() - kStray;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    std::error_code failed;
    if (!entry.is_regular_file(failed) || entry.last_write_time(failed) > long_ago || failed) {
      continue;
    }
    Statement row(database_, "SELECT 1 FROM files WHERE id = ?");
    if (!row.Bind(1, entry.path().filename().string()).Step()) fs::remove(entry.path(), failed);
  }
}

FileRecord FileRecords::Add(FileRecord record, std::string_view content) {
  record.bytes = std::ssize(content);
  AtomicFile file(PathOf(record));
  file.Write(content);
  file.Commit();
  try {
    Statement(database_,
              "INSERT INTO files (id, filename, purpose, bytes, created) VALUES (?, ?, ?, ?, ?)")
        .Bind(1, record.id)
        .Bind(2, record.filename)
        .Bind(3, record.purpose)
        .Bind(4, record.bytes)
        .Bind(5, record.created)
        .Run();
  } catch (const Error& error) {
    std::error_code ignored;
    if (error.code() != ErrorCode::kAlreadyExists) fs::remove(PathOf(record), ignored);
    throw;
  }
  return record;
}

FileRecord FileRecords::Get(std::string_view id) {
  Statement row(database_, "SELECT id, filename, purpose, bytes, created FROM files WHERE id = ?");
  if (row.Bind(1, id).Step()) return ReadRow(row);
  throw Error(ErrorCode::kNotFound, {.message = "there is no such file", .found = std::string(id)});
}

std::vector<FileRecord> FileRecords::List(const FileQuery& query) {
  std::string sql =
      "SELECT id, filename, purpose, bytes, created FROM files WHERE (?1 = '' OR purpose = ?1) "
      "AND ";
  sql += query.newest_first ? "row < ?2 ORDER BY row DESC" : "row > ?2 ORDER BY row";
  Statement row(database_, sql + " LIMIT ?3");
  row.Bind(1, query.purpose).Bind(2, RowAfter(database_, query)).Bind(3, query.limit);
  std::vector<FileRecord> records;
  while (row.Step()) records.push_back(ReadRow(row));
  return records;
}

std::string FileRecords::Read(std::string_view id) {
  const FileRecord record = Get(id);
  std::ifstream file(PathOf(record), std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (file.is_open() && !file.bad() && std::ssize(content) == record.bytes) return content;
  throw Error(ErrorCode::kDataLoss, {.message = "a file's content is damaged",
                                     .expected = std::to_string(record.bytes) + " bytes",
                                     .found = std::to_string(content.size()),
                                     .where = PathOf(record).string()});
}

void FileRecords::Delete(std::string_view id) {
  const FileRecord record = Get(id);
  Statement(database_, "DELETE FROM files WHERE id = ?").Bind(1, record.id).Run();
  std::error_code ignored;  // what stays is removed as a stray
  fs::remove(PathOf(record), ignored);
}

}  // namespace hyprstream::adapters
