#include "registry/records.h"

namespace hyprstream::registry {
namespace {

constexpr std::string_view kTables = R"(
CREATE TABLE IF NOT EXISTS models (
  row INTEGER PRIMARY KEY AUTOINCREMENT, registry TEXT NOT NULL, org TEXT NOT NULL,
  name TEXT NOT NULL, revision TEXT NOT NULL, source TEXT NOT NULL,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (registry, org, name, revision));
CREATE TABLE IF NOT EXISTS model_files (
  model INTEGER NOT NULL REFERENCES models(row) ON DELETE CASCADE,
  path TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (model, path));
CREATE INDEX IF NOT EXISTS model_files_by_content ON model_files (sha256);
CREATE TABLE IF NOT EXISTS model_refs (
  registry TEXT NOT NULL, org TEXT NOT NULL, name TEXT NOT NULL, ref TEXT NOT NULL,
  revision TEXT NOT NULL, PRIMARY KEY (registry, org, name, ref));
CREATE TABLE IF NOT EXISTS model_contents (id TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
)";

constexpr std::string_view kColumns = "row, registry, org, name, revision, source, created";

Statement& BindKey(Statement& statement, const ModelKey& key) {
  return statement.Bind(1, key.registry).Bind(2, key.org).Bind(3, key.name).Bind(4, key.revision);
}

ModelRecord ReadRow(Database& database, const Statement& row) {
  ModelRecord record{
      .key = {.registry = row.Text(1),
              .org = row.Text(2),
              .name = row.Text(3),
              .revision = row.Text(4)},
      .source_url = row.Text(5),
      .created = row.Text(6),
  };
  Statement files(database,
                  "SELECT path, size, sha256 FROM model_files WHERE model = ? ORDER BY path");
  files.Bind(1, row.Int(0));
  while (files.Step()) {
    record.files.push_back({.path = files.Text(0),
                            .size = static_cast<std::uint64_t>(files.Int(1)),
                            .sha256 = files.Text(2)});
  }
  Statement refs(database,
                 "SELECT ref FROM model_refs WHERE registry = ? AND org = ? AND name = ? "
                 "AND revision = ? ORDER BY ref");
  BindKey(refs, record.key);
  while (refs.Step()) record.refs.push_back(refs.Text(0));
  return record;
}

}  // namespace

std::uint64_t ModelRecord::size() const {
  std::uint64_t sum = 0;
  for (const FileRecord& file : files) sum += file.size;
  return sum;
}

void MakeModelTables(Database& database) { database.Execute(kTables); }

std::vector<ModelRecord> ReadModels(Database& database) {
  std::vector<ModelRecord> records;
  Statement rows(
      database, "SELECT " + std::string(kColumns) + " FROM models ORDER BY created DESC, row DESC");
  while (rows.Step()) records.push_back(ReadRow(database, rows));
  return records;
}

std::optional<ModelRecord> ReadModel(Database& database, const ModelKey& key) {
  Statement row(database, "SELECT " + std::string(kColumns) +
                              " FROM models WHERE registry = ? AND org = ? AND name = ? "
                              "AND revision = ?");
  if (!BindKey(row, key).Step()) return std::nullopt;
  return ReadRow(database, row);
}

void WriteModel(Database& database, const ModelKey& key, std::span<const FileRecord> files,
                std::string_view source_url) {
  // Not EraseModel: what refers to the revision still does.
  Statement gone(database,
                 "DELETE FROM models WHERE registry = ? AND org = ? AND name = ? AND revision = ?");
  BindKey(gone, key).Run();
  Statement added(
      database,
      "INSERT INTO models (registry, org, name, revision, source) VALUES (?, ?, ?, ?, ?)");
  BindKey(added, key).Bind(5, source_url).Run();
  const int64_t model = database.last_insert_id();
  Statement row(database,
                "INSERT INTO model_files (model, path, size, sha256) VALUES (?, ?, ?, ?)");
  for (const FileRecord& file : files) {
    row.Bind(1, model)
        .Bind(2, file.path)
        .Bind(3, static_cast<int64_t>(file.size))
        .Bind(4, file.sha256)
        .Run();
    row.Reset();
  }
}

void EraseModel(Database& database, const ModelKey& key) {
  for (const std::string_view table : {"models", "model_refs"}) {
    Statement gone(database, "DELETE FROM " + std::string(table) +
                                 " WHERE registry = ? AND org = ? AND name = ? AND revision = ?");
    BindKey(gone, key).Run();
  }
}

void WriteRef(Database& database, const ModelKey& key, std::string_view ref) {
  Statement written(database,
                    "INSERT INTO model_refs (registry, org, name, revision, ref) "
                    "VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET revision = excluded.revision");
  BindKey(written, key).Bind(5, ref).Run();
}

std::optional<std::string> ReadRef(Database& database, std::string_view registry,
                                   std::string_view org, std::string_view name,
                                   std::string_view ref) {
  Statement row(database,
                "SELECT revision FROM model_refs WHERE registry = ? AND org = ? AND name = ? "
                "AND ref = ?");
  if (!row.Bind(1, registry).Bind(2, org).Bind(3, name).Bind(4, ref).Step()) return std::nullopt;
  return row.Text(0);
}

bool IsReferenced(Database& database, std::string_view sha256) {
  Statement row(database, "SELECT 1 FROM model_files WHERE sha256 = ? LIMIT 1");
  return row.Bind(1, sha256).Step();
}

void WriteContentName(Database& database, std::string_view id, std::string_view sha256) {
  Statement(database, "INSERT OR REPLACE INTO model_contents (id, sha256) VALUES (?, ?)")
      .Bind(1, id)
      .Bind(2, sha256)
      .Run();
}

std::optional<std::string> ReadContentName(Database& database, std::string_view id) {
  Statement row(database, "SELECT sha256 FROM model_contents WHERE id = ?");
  if (!row.Bind(1, id).Step()) return std::nullopt;
  return row.Text(0);
}

}  // namespace hyprstream::registry
