// Learning while serving: one thread that takes the journalled samples of every adapter that is to
// learn, trains on them in turns borrowed from the engine, judges what came out and promotes it.
// Adapters learn side by side, each getting the same compute; what one does never waits for the
// disk while it has a turn. Everything it has acknowledged and promoted is in the catalogue, so a
// learner that ends at any moment is followed by one that goes on. Public functions may be called
// by any thread; they may wait for the disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "adapters/journal.h"
#include "adapters/learning_records.h"
#include "adapters/store.h"
#include "engine/engine.h"
#include "engine/learning/course.h"
#include "engine/learning/events.h"
#include "engine/learning/feedback.h"
#include "engine/learning/learner_options.h"
#include "engine/load.h"

namespace hyprstream::engine {

struct LearningStatus {
  adapters::LearningState state = adapters::LearningState::kStopped;
  int64_t version = 0;  // current
  bool pinned = false;
  int64_t queue_length = 0;  // samples not trained yet
  int64_t min_samples = 0;   // queued ones that a burst waits for
  int64_t samples_done = 0;  // trained or held out since the adapter was made
  int64_t held_out = 0;
  std::optional<double> loss = {};  // of the last step
  std::optional<double> learning_rate = {};
  std::optional<double> sparsity = {};  // recounted after the last step, or of the current version
  std::string last_update = {};         // UTC, ISO 8601; empty before the first step
  std::optional<std::string> problem = {};  // what keeps it from going on
};

class Learner {
 public:
  /// Begins at once with whatever is to be learnt. Errors: those of AdapterStore.
  Learner(LearnerParts parts, const LearnerOptions& options);
  /// Ends within a slice; the next learner goes on from the last saved step.
  ~Learner();
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  struct Added {
    std::vector<int64_t> ids;
    int64_t queue_length = 0;
  };
  /// All of them or none; on disk when it returns. Errors: kInvalidArgument for one that cannot be
  /// trained on (`where` is its index); those of SampleJournal::Add.
  Added AddSamples(std::string_view adapter, std::span<const adapters::NewSample> samples);
  /// A sample's body as it would be trained on. Errors: kInvalidArgument.
  std::vector<training::Sample> Encode(std::string_view body) const { return parts_.encode(body); }
  std::vector<adapters::SampleRecord> Samples(std::string_view adapter, int64_t after,
                                              int64_t limit);

  LearningStatus Status(std::string_view adapter);
  /// Errors: kFailedPrecondition for an adapter of another base; kUnsupported for a delta adapter.
  void Start(std::string_view adapter);
  /// What is queued by now is still trained on.
  adapters::LearningState Stop(std::string_view adapter);

  /// Stops at once: what is queued and a burst in progress stay as they are until Start.
  void Pause(std::string_view adapter);
  /// Whether the learner's thread may still be at work on it. Not after Pause and a while.
  bool Holds(std::string_view adapter);

  // As AdapterStore has them; what is being trained begins again from the version made current.
  void Promote(std::string_view adapter, int64_t version);
  int64_t RollBack(std::string_view adapter);
  void Pin(std::string_view adapter, int64_t version);
  void Unpin(std::string_view adapter);

  /// Answers that feedback may come for.
  AnsweredCompletions& answered() { return answered_; }
  /// Errors: kNotFound for an answer that is not known (any more); kFailedPrecondition for one of
  /// the base alone; those of SampleOf and AddSamples.
  Added GiveFeedback(const Feedback& feedback);

  EventFeed& events() { return events_; }

 private:
  /// The catalogue as one thread sees it.
  struct Books {
    explicit Books(const std::filesystem::path& home, int64_t queue_limit)
        : store(home), journal(home, queue_limit), records(home) {}
    adapters::AdapterStore store;
    adapters::SampleJournal journal;
    adapters::LearningRecords records;
  };
  struct Pupil {
    std::unique_ptr<Course> course;
    bool prepared = false;
    Turns::Duration used{};
    std::chrono::steady_clock::time_point retry{};
    int64_t waiting_to = 0;  // > 0: queued samples up to this id make a burst
  };
  using Pupils = std::map<std::string, Pupil>;

  void Run();
  void Wake();
  bool stopping();
  void Rehearse();
  /// Looks at the catalogue again: who is to learn, and for whom enough is queued.
  void Refresh();
  int64_t BurstUpTo(const std::string& adapter);
  bool EnoughQueued(const std::string& adapter);
  Pupils::value_type* Next();
  void Work(const std::string& adapter, Pupil& pupil);
  void Step(const std::string& adapter, Pupil& pupil);
  void Show(const std::string& adapter, const Pupil& pupil, const training::StepReport& report);
  void Finish(const std::string& adapter, Pupil& pupil);
  void Fail(const std::string& adapter, Pupil& pupil, const Error& error);
  template <typename Compute>
  void InTurn(Pupil& pupil, Compute&& compute);
  void Announce(const std::string& adapter, int64_t version, const std::string& reason);
  void Load(const std::string& adapter, int64_t version);
  void SetProblem(const std::string& adapter, std::optional<std::string> problem);
  void RequireTrainable(const adapters::AdapterRecord& record) const;
  std::optional<double> CurrentSparsity(const std::string& adapter);

  const LearnerParts parts_;
  const LearnerOptions options_;
  EventFeed events_;
  AnsweredCompletions answered_;

  std::mutex front_mutex_;
  Books front_;  // guarded by front_mutex_

  struct Shown {
    std::optional<double> loss, learning_rate, sparsity;
    std::optional<std::string> problem;
    int64_t sparsity_of = -1;  // version that `sparsity` was counted on, when no step was taken
  };
  std::mutex shown_mutex_;
  std::map<std::string, Shown, std::less<>> shown_;  // guarded by shown_mutex_
  std::set<std::string, std::less<>> held_;          // guarded by shown_mutex_

  std::mutex wake_mutex_;
  std::condition_variable woken_;
  bool awake_ = true;  // guarded by wake_mutex_
  bool stop_ = false;  // guarded by wake_mutex_

  // The learner's thread.
  Books books_;
  std::vector<training::Sample> replay_;
  std::vector<training::Sample> general_;
  bool rehearsed_ = false;
  const kernels::Isa isa_ = kernels::ChooseIsa();
  ops::Scratch scratch_;
  CourseSetup setup_;
  Pupils pupils_;

  std::thread thread_;
};

/// A learner's parts for a model with a tokenizer, served by `engine`, which outlives the learner:
/// the base's own answers are what it must not forget, kept in `home`.
LearnerParts PartsOf(const LoadedModel& loaded, Engine& engine, const std::filesystem::path& home);

}  // namespace hyprstream::engine
