#include "adapters/catalog.h"

#include <string>

#include "base/error.h"

namespace hyprstream::adapters {
namespace {

constexpr std::string_view kTables = R"(
CREATE TABLE IF NOT EXISTS adapters (
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  base_model TEXT NOT NULL, base_fingerprint TEXT NOT NULL, spec TEXT NOT NULL,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  current INTEGER NOT NULL DEFAULT 0, next_version INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS adapter_versions (
  adapter INTEGER NOT NULL REFERENCES adapters(row) ON DELETE CASCADE,
  version INTEGER NOT NULL, hash TEXT NOT NULL, file TEXT NOT NULL,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  status TEXT NOT NULL, heldout_loss REAL, general_loss REAL,
  samples INTEGER NOT NULL, steps INTEGER NOT NULL, PRIMARY KEY (adapter, version));
CREATE TABLE IF NOT EXISTS adapter_promotions (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  adapter INTEGER NOT NULL REFERENCES adapters(row) ON DELETE CASCADE, version INTEGER NOT NULL,
  time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS adapter_pins (
  adapter INTEGER PRIMARY KEY REFERENCES adapters(row) ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS adapter_tags (
  adapter INTEGER NOT NULL REFERENCES adapters(row) ON DELETE CASCADE,
  tag TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (adapter, tag));
CREATE TABLE IF NOT EXISTS journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  adapter INTEGER NOT NULL REFERENCES adapters(row) ON DELETE CASCADE,
  body TEXT NOT NULL, weight REAL, label TEXT NOT NULL DEFAULT '',
  feedback INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'queued',
  burst INTEGER NOT NULL DEFAULT 0,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE INDEX IF NOT EXISTS journal_states ON journal (adapter, state, id);
CREATE TABLE IF NOT EXISTS adapter_learning (
  adapter INTEGER PRIMARY KEY REFERENCES adapters(row) ON DELETE CASCADE,
  state TEXT NOT NULL DEFAULT 'stopped', flush_to INTEGER NOT NULL DEFAULT 0,
  burst INTEGER NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 0,
  base INTEGER NOT NULL DEFAULT 0, loss REAL, learning_rate REAL, updated TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS adapter_plans (
  adapter INTEGER PRIMARY KEY REFERENCES adapters(row) ON DELETE CASCADE,
  epochs INTEGER, batch INTEGER, rate REAL NOT NULL, seed INTEGER NOT NULL,
  most_samples INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fine_tuning_jobs (
  row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
  source TEXT NOT NULL, adapter TEXT NOT NULL, base_fingerprint TEXT NOT NULL,
  training_file TEXT NOT NULL, validation_file TEXT NOT NULL, suffix TEXT NOT NULL,
  metadata TEXT NOT NULL, epochs INTEGER, batch INTEGER, rate REAL, seed INTEGER NOT NULL,
  status TEXT NOT NULL, created INTEGER NOT NULL, finished INTEGER,
  lines INTEGER NOT NULL DEFAULT 0, trained_tokens INTEGER,
  error_code TEXT, error_message TEXT NOT NULL DEFAULT '', error_param TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS fine_tuning_events (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL REFERENCES fine_tuning_jobs(row) ON DELETE CASCADE,
  id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, level TEXT NOT NULL, type TEXT NOT NULL,
  message TEXT NOT NULL, data TEXT NOT NULL, once TEXT, UNIQUE (job, once));
CREATE TABLE IF NOT EXISTS files (
  row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL,
  purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL);
)";

}  // namespace

std::filesystem::path CatalogPath(const std::filesystem::path& home) {
  std::filesystem::create_directories(home / "adapters");
  return home / "catalog.db";
}

void MakeCatalogTables(Database& database) { database.Execute(kTables); }

int64_t AdapterRow(Database& database, std::string_view name) {
  Statement row(database, "SELECT row FROM adapters WHERE name = ?1 OR id = ?1");
  if (row.Bind(1, name).Step()) return row.Int(0);
  std::string known;
  Statement names(database, "SELECT name FROM adapters ORDER BY name");
  while (names.Step()) known += (known.empty() ? "" : ", ") + names.Text(0);
  throw Error(ErrorCode::kNotFound, {.message = "there is no such adapter",
                                     .expected = known.empty() ? "none exists yet" : known,
                                     .found = std::string(name)});
}

}  // namespace hyprstream::adapters
