#include "adapters/learning_records.h"

#include "adapters/catalog.h"
#include "adapters/journal.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

LearningState ParseState(std::string_view name) {
  for (const LearningState state : {LearningState::kRunning, LearningState::kStopping}) {
    if (name == LearningStateName(state)) return state;
  }
  return LearningState::kStopped;
}

void SetState(Database& database, int64_t row, LearningState state, int64_t flush_to) {
  Statement(database, "UPDATE adapter_learning SET state = ?, flush_to = ? WHERE adapter = ?")
      .Bind(1, LearningStateName(state))
      .Bind(2, flush_to)
      .Bind(3, row)
      .Run();
}

}  // namespace

std::string_view LearningStateName(LearningState state) {
  switch (state) {
    case LearningState::kStopped:
      return "stopped";
    case LearningState::kRunning:
      return "running";
    case LearningState::kStopping:
      return "stopping";
  }
  return "";
}

LearningRecords::LearningRecords(const std::filesystem::path& home) : database_(CatalogPath(home)) {
  MakeCatalogTables(database_);
}

int64_t LearningRecords::Row(std::string_view adapter) {
  const int64_t row = AdapterRow(database_, adapter);
  Statement(database_, "INSERT OR IGNORE INTO adapter_learning (adapter) VALUES (?)")
      .Bind(1, row)
      .Run();
  return row;
}

LearningRecord LearningRecords::Get(std::string_view adapter) {
  Statement row(database_,
                "SELECT state, flush_to, open, burst, base, loss, learning_rate, updated "
                "FROM adapter_learning WHERE adapter = ?");
  LearningRecord record;
  if (!row.Bind(1, AdapterRow(database_, adapter)).Step()) return record;
  record.state = ParseState(row.Text(0));
  record.flush_to = row.Int(1);
  if (row.Int(2) != 0) record.open = Burst{.number = row.Int(3), .base = row.Int(4)};
  record.loss = row.OptionalReal(5);
  record.learning_rate = row.OptionalReal(6);
  record.updated = row.Text(7);
  return record;
}

std::vector<std::string> LearningRecords::Active() {
  Statement row(database_,
                "SELECT name FROM adapters JOIN adapter_learning ON adapter = row "
                "WHERE state <> 'stopped' ORDER BY name");
  std::vector<std::string> names;
  while (row.Step()) names.push_back(row.Text(0));
  return names;
}

void LearningRecords::Start(std::string_view adapter) {
  Transaction transaction(database_);
  SetState(database_, Row(adapter), LearningState::kRunning, 0);
  transaction.Commit();
}

LearningState LearningRecords::Stop(std::string_view adapter) {
  Transaction transaction(database_);
  const int64_t row = Row(adapter);
  if (Get(adapter).state != LearningState::kRunning) return Get(adapter).state;
  int64_t last = 0;
  {
    Statement queued(database_,
                     "SELECT max(id) FROM journal WHERE adapter = ? AND state = 'queued'");
    if (queued.Bind(1, row).Step()) last = queued.Int(0);
  }
  const LearningState state = last == 0 ? LearningState::kStopped : LearningState::kStopping;
  SetState(database_, row, state, last);
  transaction.Commit();
  return state;
}

void LearningRecords::Stopped(std::string_view adapter) {
  Transaction transaction(database_);
  SetState(database_, Row(adapter), LearningState::kStopped, 0);
  transaction.Commit();
  seen_ = -1;
}

Burst LearningRecords::Begin(std::string_view adapter, int64_t base, const BurstSamples& samples) {
  Transaction transaction(database_);
  const int64_t row = Row(adapter);
  Burst burst{.number = 0, .base = base};
  {
    Statement next(database_,
                   "UPDATE adapter_learning SET burst = burst + 1, open = 1, base = ? "
                   "WHERE adapter = ? RETURNING burst");
    HYPR_CHECK(next.Bind(1, base).Bind(2, row).Step());
    burst.number = next.Int(0);
  }
  Statement take(database_, "UPDATE journal SET burst = ? WHERE id = ?");
  for (const std::span<const int64_t> ids : {samples.train, samples.held_out, samples.unusable}) {
    for (const int64_t id : ids) {
      take.Bind(1, burst.number).Bind(2, id).Run();
      take.Reset();
    }
  }
  SampleJournal::MarkWithin(database_, samples.held_out, SampleState::kHeldOut);
  SampleJournal::MarkWithin(database_, samples.unusable, SampleState::kUnusable);
  transaction.Commit();
  return burst;
}

void LearningRecords::Rebase(std::string_view adapter, int64_t base) {
  Statement(database_, "UPDATE adapter_learning SET base = ? WHERE adapter = ?")
      .Bind(1, base)
      .Bind(2, AdapterRow(database_, adapter))
      .Run();
}

void LearningRecords::End(std::string_view adapter) {
  Transaction transaction(database_);
  EndWithin(database_, adapter);
  transaction.Commit();
}

void LearningRecords::EndWithin(Database& database, std::string_view adapter) {
  const int64_t row = AdapterRow(database, adapter);
  Statement(database,
            "UPDATE journal SET state = 'trained' WHERE adapter = ?1 AND state = 'queued' AND "
            "burst = (SELECT burst FROM adapter_learning WHERE adapter = ?1 AND open = 1)")
      .Bind(1, row)
      .Run();
  Statement(database,
            "UPDATE adapter_learning SET open = 0, "
            "updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE adapter = ?")
      .Bind(1, row)
      .Run();
}

void LearningRecords::SetPlan(std::string_view adapter, const std::optional<LearningPlan>& plan) {
  const int64_t row = AdapterRow(database_, adapter);
  if (!plan) {
    Statement(database_, "DELETE FROM adapter_plans WHERE adapter = ?").Bind(1, row).Run();
    return;
  }
  Statement(database_,
            "INSERT OR REPLACE INTO adapter_plans (adapter, epochs, batch, rate, seed, "
            "most_samples) VALUES (?, ?, ?, ?, ?, ?)")
      .Bind(1, row)
      .Bind(2, plan->epochs)
      .Bind(3, plan->batch)
      .Bind(4, plan->rate)
      .Bind(5, plan->seed)
      .Bind(6, plan->most_samples)
      .Run();
}

std::optional<LearningPlan> LearningRecords::Plan(std::string_view adapter) {
  Statement row(database_,
                "SELECT epochs, batch, rate, seed, most_samples FROM adapter_plans "
                "WHERE adapter = ?");
  if (!row.Bind(1, AdapterRow(database_, adapter)).Step()) return std::nullopt;
  LearningPlan plan{.rate = row.Real(2), .seed = row.Int(3), .most_samples = row.Int(4)};
  if (!row.IsNull(0)) plan.epochs = row.Int(0);
  if (!row.IsNull(1)) plan.batch = row.Int(1);
  return plan;
}

void LearningRecords::Note(std::string_view adapter, double loss, double learning_rate) {
  Statement(database_,
            "UPDATE adapter_learning SET loss = ?, learning_rate = ?, "
            "updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE adapter = ?")
      .Bind(1, loss)
      .Bind(2, learning_rate)
      .Bind(3, AdapterRow(database_, adapter))
      .Run();
}

bool LearningRecords::Changed() {
  Statement version(database_, "PRAGMA data_version");
  HYPR_CHECK(version.Step());
  const int64_t now = version.Int(0);
  const bool changed = now != seen_;
  seen_ = now;
  return changed;
}

}  // namespace hyprstream::adapters
