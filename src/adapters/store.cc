#include "adapters/store.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <utility>

#include "adapters/catalog.h"
#include "base/error.h"
#include "base/uuid.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAdapterColumns =
    "id, name, kind, base_model, base_fingerprint, spec, created, current, "
    "row IN (SELECT adapter FROM adapter_pins)";
constexpr std::string_view kVersionColumns =
    "version, hash, file, created, status, heldout_loss, general_loss, samples, steps";

AdapterRecord ReadAdapter(const Statement& row) {
  return {.id = row.Text(0),
          .name = row.Text(1),
          .kind = row.Text(2),
          .base_model = row.Text(3),
          .base_fingerprint = row.Text(4),
          .spec = row.Text(5),
          .created = row.Text(6),
          .current = row.Int(7),
          .pinned = row.Int(8) != 0};
}

VersionStatus ParseStatus(std::string_view name) {
  for (const VersionStatus status : {VersionStatus::kPromoted, VersionStatus::kRejected}) {
    if (name == VersionStatusName(status)) return status;
  }
  return VersionStatus::kCandidate;
}

void RequireUnpinned(const AdapterRecord& record) {
  if (!record.pinned) return;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "the adapter is pinned",
               .found = record.name + "@" + std::to_string(record.current),
               .hint = "unpin it first"});
}

// Puts a version on top of the pile of promotions and serves it.
void MakeCurrent(Database& database, int64_t adapter, int64_t version) {
  Statement(database, "INSERT INTO adapter_promotions (adapter, version) VALUES (?, ?)")
      .Bind(1, adapter)
      .Bind(2, version)
      .Run();
  Statement(database, "UPDATE adapters SET current = ? WHERE row = ?")
      .Bind(1, version)
      .Bind(2, adapter)
      .Run();
  Statement(database,
            "UPDATE adapter_versions SET status = 'promoted' WHERE adapter = ? AND version = ?")
      .Bind(1, adapter)
      .Bind(2, version)
      .Run();
}

[[noreturn]] void NoSuchVersion(std::string_view name, std::string_view version) {
  throw Error(ErrorCode::kNotFound,
              {.message = "the adapter has no such version",
               .found = std::string(name) + "@" + std::string(version),
               .hint = "hyprstream lora checkpoint list " + std::string(name) + " shows them"});
}

// Files that no catalogue entry names: their writer was killed between writing and entering. One
// that is young may be another process's that is about to be entered.
void RemoveStrayFiles(const fs::path& folder, const std::vector<VersionRecord>& known) {
  std::error_code ignored;
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path& path = entry.path();
    const bool unfinished = path.filename().string().starts_with('.');
    const bool version = path.extension() == ".nvdb" || path.extension() == ".new" || unfinished;
    const bool named = std::any_of(known.begin(), known.end(),
                                   [&](const VersionRecord& v) { return v.file == path; });
    if (version && !named && fs::last_write_time(path, ignored) < old) fs::remove(path, ignored);
  }
}

}  // namespace

std::string_view VersionStatusName(VersionStatus status) {
  switch (status) {
    case VersionStatus::kPromoted:
      return "promoted";
    case VersionStatus::kRejected:
      return "rejected";
    case VersionStatus::kCandidate:
      return "candidate";
  }
  return "";
}

int64_t UnixSecondsOf(const std::string& created) {
  std::tm time{};
  if (std::sscanf(created.c_str(), "%d-%d-%dT%d:%d:%d", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec) != 6) {
    return 0;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return timegm(&time);
}

void CheckAdapterName(std::string_view name) {
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool good = !name.empty() && name.size() <= 96 && alphanumeric(name.front()) &&
                    name.find("..") == std::string_view::npos &&
                    std::all_of(name.begin(), name.end(), [&](char c) {
                      return (alphanumeric(c) && static_cast<unsigned char>(c) < 128) || c == '.' ||
                             c == '_' || c == '-';
                    });
  if (good) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "this cannot be an adapter's name",
               .expected = "1 to 96 letters, digits, '.', '_' or '-', beginning with a letter or "
                           "digit, without \"..\"",
               .found = std::string(name)});
}

AdapterStore::AdapterStore(const fs::path& home) : home_(home), database_(CatalogPath(home)) {
  MakeCatalogTables(database_);
}

fs::path AdapterStore::Folder(std::string_view name) const {
  CheckAdapterName(name);
  return home_ / "adapters" / name;
}

AdapterRecord AdapterStore::Create(const NewAdapter& adapter) {
  CheckAdapterName(adapter.name);
  try {
    Statement(database_,
              "INSERT INTO adapters (id, name, kind, base_model, base_fingerprint, spec) "
              "VALUES (?, ?, ?, ?, ?, ?)")
        .Bind(1, RandomUuid())
        .Bind(2, adapter.name)
        .Bind(3, adapter.kind)
        .Bind(4, adapter.base_model)
        .Bind(5, adapter.base_fingerprint)
        .Bind(6, adapter.spec)
        .Run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kAlreadyExists) throw;
    throw Error(ErrorCode::kAlreadyExists, {.message = "there is an adapter of this name already",
                                            .found = adapter.name,
                                            .hint = "choose another name, or delete that one"});
  }
  return Get(adapter.name);
}

std::vector<AdapterRecord> AdapterStore::List() {
  Statement row(database_,
                "SELECT " + std::string(kAdapterColumns) + " FROM adapters ORDER BY name");
  std::vector<AdapterRecord> records;
  while (row.Step()) records.push_back(ReadAdapter(row));
  return records;
}

AdapterRecord AdapterStore::Get(std::string_view name) {
  Statement row(database_,
                "SELECT " + std::string(kAdapterColumns) + " FROM adapters WHERE row = ?");
  if (row.Bind(1, AdapterRow(database_, name)).Step()) return ReadAdapter(row);
  return Get(name);  // deleted between the two: says which there are
}

void AdapterStore::Delete(std::string_view name) {
  const AdapterRecord record = Get(name);
  Statement(database_, "DELETE FROM adapters WHERE name = ?").Bind(1, record.name).Run();
  fs::remove_all(Folder(record.name));
}

VersionRecord AdapterStore::AddVersion(std::string_view name, const NewVersion& version,
                                       const std::function<std::string(const fs::path&)>& write) {
  const AdapterRecord record = Get(name);
  const int64_t adapter = AdapterRow(database_, name);
  Statement next(database_,
                 "UPDATE adapters SET next_version = next_version + 1 WHERE row = ? "
                 "RETURNING next_version - 1");
  HYPR_CHECK(next.Bind(1, adapter).Step());
  const int64_t number = next.Int(0);
  next.Reset();

  const fs::path folder = Folder(record.name);
  fs::create_directories(folder);
  const fs::path unnamed = folder / (std::to_string(number) + ".new");
  const std::string hash = write(unnamed);
  const fs::path file = folder / (std::to_string(number) + "-" + hash.substr(0, 16) + ".nvdb");
  fs::rename(unnamed, file);

  Transaction transaction(database_);
  const AdapterRecord now = Get(record.id);
  if (version.follows && now.current != *version.follows) {
    std::error_code ignored;
    fs::remove(file, ignored);
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "another version has become current meanwhile",
                 .expected = record.name + "@" + std::to_string(*version.follows),
                 .found = record.name + "@" + std::to_string(now.current)});
  }
  const bool promoted = version.status == VersionStatus::kPromoted && !now.pinned;
  const VersionStatus status = promoted || version.status != VersionStatus::kPromoted
                                   ? version.status
                                   : VersionStatus::kCandidate;
  Statement(database_,
            "INSERT INTO adapter_versions (adapter, version, hash, file, status, heldout_loss, "
            "general_loss, samples, steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(1, adapter)
      .Bind(2, number)
      .Bind(3, hash)
      .Bind(4, file.filename().string())
      .Bind(5, VersionStatusName(status))
      .Bind(6, version.heldout_loss)
      .Bind(7, version.general_loss)
      .Bind(8, version.samples)
      .Bind(9, version.steps)
      .Run();
  if (promoted) MakeCurrent(database_, adapter, number);
  if (version.along) version.along(database_);
  transaction.Commit();
  return *Find(name, std::to_string(number));
}

std::vector<VersionRecord> AdapterStore::Versions(std::string_view name) {
  const AdapterRecord record = Get(name);
  const int64_t adapter = AdapterRow(database_, name);
  Statement row(database_, "SELECT " + std::string(kVersionColumns) +
                               " FROM adapter_versions WHERE adapter = ? ORDER BY version");
  row.Bind(1, adapter);
  std::vector<VersionRecord> versions;
  while (row.Step()) {
    versions.push_back({.version = row.Int(0),
                        .hash = row.Text(1),
                        .file = Folder(record.name) / row.Text(2),
                        .created = row.Text(3),
                        .status = ParseStatus(row.Text(4)),
                        .heldout_loss = row.OptionalReal(5),
                        .general_loss = row.OptionalReal(6),
                        .samples = row.Int(7),
                        .steps = row.Int(8),
                        .tags = {}});
  }
  Statement tag(database_, "SELECT tag, version FROM adapter_tags WHERE adapter = ? ORDER BY tag");
  tag.Bind(1, adapter);
  while (tag.Step()) {
    for (VersionRecord& version : versions) {
      if (version.version == tag.Int(1)) version.tags.push_back(tag.Text(0));
    }
  }
  return versions;
}

std::optional<VersionRecord> AdapterStore::Find(std::string_view name, std::string_view version) {
  const AdapterRecord record = Get(name);
  const bool current = version.empty() || version == "current";
  const std::string number = current ? std::to_string(record.current) : std::string(version);
  if (number == "0") return std::nullopt;
  for (VersionRecord& known : Versions(name)) {
    const bool tagged =
        std::find(known.tags.begin(), known.tags.end(), version) != known.tags.end();
    if (std::to_string(known.version) == number || tagged) return std::move(known);
  }
  NoSuchVersion(name, version);
}

void AdapterStore::Promote(std::string_view name, int64_t version) {
  Transaction transaction(database_);
  if (version != 0) Find(name, std::to_string(version));  // refuses one that is not there
  const AdapterRecord record = Get(name);
  if (record.current == version) return;
  RequireUnpinned(record);
  MakeCurrent(database_, AdapterRow(database_, name), version);
  transaction.Commit();
}

void AdapterStore::Pin(std::string_view name, int64_t version) {
  Transaction transaction(database_);
  if (version != 0) Find(name, std::to_string(version));
  const int64_t adapter = AdapterRow(database_, name);
  if (Get(name).current != version) MakeCurrent(database_, adapter, version);
  Statement(database_, "INSERT OR IGNORE INTO adapter_pins (adapter) VALUES (?)")
      .Bind(1, adapter)
      .Run();
  transaction.Commit();
}

void AdapterStore::Unpin(std::string_view name) {
  Statement(database_, "DELETE FROM adapter_pins WHERE adapter = ?")
      .Bind(1, AdapterRow(database_, name))
      .Run();
}

int64_t AdapterStore::RollBack(std::string_view name) {
  const int64_t adapter = AdapterRow(database_, name);
  int64_t previous = 0;
  {
    Transaction transaction(database_);
    RequireUnpinned(Get(name));
    // The newest promotion is the current version's own; rolling back takes it off the pile.
    Statement(database_,
              "DELETE FROM adapter_promotions WHERE row = "
              "(SELECT max(row) FROM adapter_promotions WHERE adapter = ?)")
        .Bind(1, adapter)
        .Run();
    if (database_.changes() == 0) {
      throw Error(ErrorCode::kFailedPrecondition, {.message = "there is nothing to roll back to",
                                                   .expected = "a version that was promoted before",
                                                   .found = std::string(name) + " has none"});
    }
    Statement before(database_,
                     "SELECT version FROM adapter_promotions WHERE adapter = ? "
                     "ORDER BY row DESC LIMIT 1");
    if (before.Bind(1, adapter).Step()) previous = before.Int(0);
    before.Reset();
    Statement(database_, "UPDATE adapters SET current = ? WHERE row = ?")
        .Bind(1, previous)
        .Bind(2, adapter)
        .Run();
    transaction.Commit();
  }
  return previous;
}

void AdapterStore::Tag(std::string_view name, std::string_view tag, int64_t version) {
  CheckAdapterName(tag);
  if (std::all_of(tag.begin(), tag.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      tag == "current") {
    throw Error(ErrorCode::kInvalidArgument, {.message = "this cannot be a tag",
                                              .expected = "a name that no version has by itself",
                                              .found = std::string(tag)});
  }
  if (!Find(name, std::to_string(version))) NoSuchVersion(name, "0");
  Statement(database_,
            "INSERT INTO adapter_tags (adapter, tag, version) VALUES (?, ?, ?) "
            "ON CONFLICT (adapter, tag) DO UPDATE SET version = excluded.version")
      .Bind(1, AdapterRow(database_, name))
      .Bind(2, tag)
      .Bind(3, version)
      .Run();
}

void AdapterStore::DeleteTag(std::string_view name, std::string_view tag) {
  Statement(database_, "DELETE FROM adapter_tags WHERE adapter = ? AND tag = ?")
      .Bind(1, AdapterRow(database_, name))
      .Bind(2, tag)
      .Run();
  if (database_.changes() == 0) NoSuchVersion(name, tag);
}

void AdapterStore::RemoveVersion(std::string_view name, const VersionRecord& version) {
  const int64_t adapter = AdapterRow(database_, name);
  Transaction transaction(database_);
  for (const char* table : {"adapter_versions", "adapter_promotions"}) {
    Statement(database_, "DELETE FROM " + std::string(table) + " WHERE adapter = ? AND version = ?")
        .Bind(1, adapter)
        .Bind(2, version.version)
        .Run();
  }
  transaction.Commit();
  std::error_code ignored;  // a file that stays is removed as a stray one later
  fs::remove(version.file, ignored);
}

int64_t AdapterStore::Trim(std::string_view name, int64_t keep) {
  const AdapterRecord record = Get(name);
  const std::vector<VersionRecord> versions = Versions(name);
  RemoveStrayFiles(Folder(record.name), versions);
  int64_t previous = 0;
  {
    Statement row(database_,
                  "SELECT version FROM adapter_promotions WHERE adapter = ? "
                  "ORDER BY row DESC LIMIT 1 OFFSET 1");
    if (row.Bind(1, AdapterRow(database_, name)).Step()) previous = row.Int(0);
  }
  int64_t removed = 0;
  const auto count = static_cast<int64_t>(versions.size());
  for (int64_t i = 0; i < count - keep; ++i) {
    const VersionRecord& version = versions[static_cast<size_t>(i)];
    const bool needed = version.version == record.current || version.version == previous;
    if (needed || !version.tags.empty()) continue;
    RemoveVersion(name, version);
    ++removed;
  }
  return removed;
}

}  // namespace hyprstream::adapters
