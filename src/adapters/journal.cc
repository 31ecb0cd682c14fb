#include "adapters/journal.h"

#include <algorithm>
#include <cmath>

#include "adapters/catalog.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

SampleState ParseState(std::string_view name) {
  for (const SampleState state :
       {SampleState::kTrained, SampleState::kHeldOut, SampleState::kUnusable}) {
    if (name == SampleStateName(state)) return state;
  }
  return SampleState::kQueued;
}

constexpr std::string_view kColumns = "id, body, weight, label, feedback, state, burst, created";

std::vector<SampleRecord> ReadAll(Statement& row) {
  std::vector<SampleRecord> records;
  while (row.Step()) {
    records.push_back({.id = row.Int(0),
                       .body = row.Text(1),
                       .weight = row.OptionalReal(2),
                       .label = row.Text(3),
                       .feedback = row.Int(4) != 0,
                       .state = ParseState(row.Text(5)),
                       .burst = row.Int(6),
                       .created = row.Text(7)});
  }
  return records;
}

int64_t CountQueued(Database& database, int64_t adapter) {
  Statement row(database, "SELECT count(*) FROM journal WHERE adapter = ? AND state = 'queued'");
  HYPR_CHECK(row.Bind(1, adapter).Step());
  return row.Int(0);
}

void CheckSamples(Database& database, std::span<const NewSample> samples) {
  if (samples.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "there is no sample", .expected = "at least one"});
  }
  Statement check(database,
                  "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) = 'object' ELSE 0 END");
  for (size_t i = 0; i < samples.size(); ++i) {
    const NewSample& sample = samples[i];
    HYPR_CHECK(check.Bind(1, sample.body).Step());
    if (check.Int(0) != 1) {
      throw Error(ErrorCode::kInvalidArgument, {.message = "a sample is no JSON object",
                                                .found = sample.body.substr(0, 80),
                                                .where = std::to_string(i)});
    }
    check.Reset();
    if (!sample.weight || (*sample.weight > 0.0 && std::isfinite(*sample.weight))) continue;
    throw Error(ErrorCode::kInvalidArgument, {.message = "a sample's weight is out of range",
                                              .expected = "a positive number",
                                              .found = std::to_string(*sample.weight),
                                              .where = std::to_string(i)});
  }
}

}  // namespace

std::string_view SampleStateName(SampleState state) {
  switch (state) {
    case SampleState::kQueued:
      return "queued";
    case SampleState::kTrained:
      return "trained";
    case SampleState::kHeldOut:
      return "held_out";
    case SampleState::kUnusable:
      return "unusable";
  }
  return "";
}

SampleJournal::SampleJournal(const std::filesystem::path& home, int64_t queue_limit)
    : queue_limit_(queue_limit), database_(CatalogPath(home)) {
  MakeCatalogTables(database_);
}

std::vector<int64_t> SampleJournal::Add(std::string_view adapter,
                                        std::span<const NewSample> samples) {
  CheckSamples(database_, samples);
  const int64_t count = std::ranges::count(samples, false, &NewSample::held_out);
  std::vector<int64_t> ids;
  Transaction transaction(database_);
  const int64_t row = AdapterRow(database_, adapter);
  const int64_t queued = CountQueued(database_, row);
  if (count > 0 && queued + count > queue_limit_) {
    throw Error(ErrorCode::kResourceExhausted,
                {.message = "the queue of samples is full",
                 .expected = "at most " + std::to_string(queue_limit_) + " untrained samples",
                 .found = std::to_string(queued) + " wait, " + std::to_string(count) + " more came",
                 .where = "queue",
                 .hint = "start training, or send them later"});
  }
  Statement insert(database_,
                   "INSERT INTO journal (adapter, body, weight, label, feedback, state) "
                   "VALUES (?, ?, ?, ?, ?, ?)");
  for (const NewSample& sample : samples) {
    insert.Bind(1, row)
        .Bind(2, sample.body)
        .Bind(3, sample.weight)
        .Bind(4, std::string_view(sample.label))
        .Bind(5, int64_t{sample.feedback})
        .Bind(6, SampleStateName(sample.held_out ? SampleState::kHeldOut : SampleState::kQueued))
        .Run();
    ids.push_back(database_.last_insert_id());
    insert.Reset();
  }
  transaction.Commit();
  return ids;
}

SampleCounts SampleJournal::Count(std::string_view adapter) {
  Statement row(database_, "SELECT state, count(*) FROM journal WHERE adapter = ? GROUP BY state");
  row.Bind(1, AdapterRow(database_, adapter));
  SampleCounts counts;
  while (row.Step()) {
    switch (ParseState(row.Text(0))) {
      case SampleState::kQueued:
        counts.queued = row.Int(1);
        break;
      case SampleState::kTrained:
        counts.trained = row.Int(1);
        break;
      case SampleState::kHeldOut:
        counts.held_out = row.Int(1);
        break;
      case SampleState::kUnusable:
        counts.unusable = row.Int(1);
        break;
    }
  }
  return counts;
}

LabelCounts SampleJournal::CountLabelled(std::string_view adapter, std::string_view label) {
  Statement row(database_,
                "SELECT count(*), count(*) FILTER (WHERE state = 'queued') FROM journal "
                "WHERE adapter = ? AND label = ?");
  HYPR_CHECK(row.Bind(1, AdapterRow(database_, adapter)).Bind(2, label).Step());
  return {.all = row.Int(0), .queued = row.Int(1)};
}

std::vector<SampleRecord> SampleJournal::List(std::string_view adapter, int64_t after,
                                              int64_t limit, std::optional<SampleState> state) {
  Statement row(
      database_,
      "SELECT " + std::string(kColumns) +
          " FROM journal "
          "WHERE adapter = ? AND id > ? AND (?3 IS NULL OR state = ?3) ORDER BY id LIMIT ?");
  row.Bind(1, AdapterRow(database_, adapter)).Bind(2, after).Bind(4, limit);
  if (state) row.Bind(3, SampleStateName(*state));
  return ReadAll(row);
}

std::vector<SampleRecord> SampleJournal::Newest(std::string_view adapter, int64_t limit,
                                                SampleState state) {
  Statement row(database_, "SELECT " + std::string(kColumns) +
                               " FROM journal WHERE adapter = ? AND state = ? "
                               "ORDER BY id DESC LIMIT ?");
  row.Bind(1, AdapterRow(database_, adapter)).Bind(2, SampleStateName(state)).Bind(3, limit);
  std::vector<SampleRecord> records = ReadAll(row);
  std::ranges::reverse(records);
  return records;
}

void SampleJournal::Mark(std::span<const int64_t> ids, SampleState state) {
  Transaction transaction(database_);
  MarkWithin(database_, ids, state);
  transaction.Commit();
}

void SampleJournal::MarkWithin(Database& database, std::span<const int64_t> ids,
                               SampleState state) {
  Statement update(database, "UPDATE journal SET state = ? WHERE id = ?");
  for (const int64_t id : ids) {
    update.Bind(1, SampleStateName(state)).Bind(2, id).Run();
    update.Reset();
  }
}

}  // namespace hyprstream::adapters
