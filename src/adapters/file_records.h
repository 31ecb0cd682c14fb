// Files that training is to read: a table of the catalogue (`home`/catalog.db) says what there is,
// each content is a file of its own, `home`/files/ID. What Add has returned is on disk and stays
// there until it is deleted. One thread per object; several objects and processes may use the same
// home.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"

namespace hyprstream::adapters {

struct FileRecord {
  std::string id;        // letters, digits and '-'
  std::string filename;  // as whoever sent it called it; nothing on this machine has that name
  std::string purpose;
  int64_t bytes = 0;
  int64_t created = 0;  // seconds since 1970
};

struct FileQuery {
  std::string after = {};    // an id: those behind it
  std::string purpose = {};  // empty: any
  int64_t limit = 10'000;
  bool newest_first = true;
};

class FileRecords {
 public:
  /// Creates what is missing, and removes contents that a process left without an entry when it was
  /// killed. Errors: those of Database; kIo.
  explicit FileRecords(const std::filesystem::path& home);

  /// `record.bytes` is set here. Errors: kAlreadyExists; those of AtomicFile and Database.
  FileRecord Add(FileRecord record, std::string_view content);
  /// Errors: kNotFound for the id, or for query.after with `where` "after".
  FileRecord Get(std::string_view id);
  std::vector<FileRecord> List(const FileQuery& query);
  /// Errors: kNotFound; kDataLoss when the content is gone or is not as long as it was.
  std::string Read(std::string_view id);
  void Delete(std::string_view id);

 private:
  std::filesystem::path PathOf(const FileRecord& record) const { return folder_ / record.id; }
  void RemoveStrays();

  const std::filesystem::path folder_;
  Database database_;
};

}  // namespace hyprstream::adapters
