// The samples that adapters are taught with, in the order they came: a table of the catalogue
// (`home`/catalog.db). What Add has returned ids for is on disk and stays there until its adapter
// is deleted; a sample is never in two states. One thread per object; several objects and processes
// may use the same home.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"

namespace hyprstream::adapters {

/// kQueued: waits to be trained on. kTrained: has been. kHeldOut: never will be, versions are
/// judged by it. kUnusable: the model's chat template cannot express it.
enum class SampleState { kQueued, kTrained, kHeldOut, kUnusable };
/// "queued", "trained", "held_out", "unusable".
std::string_view SampleStateName(SampleState state);

struct NewSample {
  /// One JSON object as a line of a data file has it: {"messages": […]}, {"input", "output"},
  /// {"prompt", "completion"} or {"ids", "labels"}, with "weight" if wanted. Whether a model can
  /// learn it is for engine::SampleEncoder::Encode to say before it is added.
  std::string body;
  std::optional<double> weight = {};  // instead of the body's
  std::string label = {};             // a remark of whoever sent it
  bool feedback = false;              // about an answer: is always trained on, never held out
  bool held_out = false;              // never trained on: every version is judged by it
};

struct SampleRecord {
  int64_t id = 0;  // ascending by arrival over all adapters
  std::string body;
  std::optional<double> weight;
  std::string label;
  bool feedback = false;
  SampleState state = SampleState::kQueued;
  int64_t burst = 0;    // of training that took it out of the queue; 0: none
  std::string created;  // UTC, ISO 8601

  /// Says what an answer should have been, as opposed to how good it was.
  bool correction() const { return feedback && !weight; }
};

struct SampleCounts {
  int64_t queued = 0;
  int64_t trained = 0;
  int64_t held_out = 0;
  int64_t unusable = 0;

  /// Taken from the queue so far.
  int64_t done() const { return trained + held_out; }
};

struct LabelCounts {
  int64_t all = 0;
  int64_t queued = 0;
};

class SampleJournal {
 public:
  static constexpr int64_t kQueueLimit = 1000;  // queued samples of one adapter

  /// Creates what is missing. Errors: those of Database; kIo.
  explicit SampleJournal(const std::filesystem::path& home, int64_t queue_limit = kQueueLimit);

  /// All of them or none; returns their ids once they are on disk. Errors: kNotFound for the
  /// adapter; kInvalidArgument for no samples, or a body that is not a JSON object (`where` is its
  /// index) or a weight that is not positive; kResourceExhausted with the counts when the queue
  /// would be longer than its limit (`where` is "queue") or the disk is full.
  std::vector<int64_t> Add(std::string_view adapter, std::span<const NewSample> samples);

  SampleCounts Count(std::string_view adapter);
  LabelCounts CountLabelled(std::string_view adapter, std::string_view label);
  /// The first `limit` with ids above `after`, ascending; of one state or of all.
  std::vector<SampleRecord> List(std::string_view adapter, int64_t after, int64_t limit,
                                 std::optional<SampleState> state = {});
  /// The last `limit` of one state, ascending.
  std::vector<SampleRecord> Newest(std::string_view adapter, int64_t limit, SampleState state);

  /// In one transaction. Ids that are not there are passed over.
  void Mark(std::span<const int64_t> ids, SampleState state);
  /// The same inside a transaction of the caller's.
  static void MarkWithin(Database& database, std::span<const int64_t> ids, SampleState state);

  int64_t queue_limit() const { return queue_limit_; }

 private:
  const int64_t queue_limit_;
  Database database_;
};

}  // namespace hyprstream::adapters
