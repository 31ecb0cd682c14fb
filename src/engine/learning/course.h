// One burst of one adapter's learning: samples taken out of the queue, a version made of them and
// judged. Whatever has been done is in the catalogue and in a saved state, so a course may be
// dropped between any two calls and opened again. The learner's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/journal.h"
#include "adapters/learning_records.h"
#include "adapters/store.h"
#include "engine/learning/held_out.h"
#include "engine/learning/learner_options.h"
#include "engine/teach.h"

namespace hyprstream::engine {

/// What the courses of a learner share; outlives them.
struct CourseSetup {
  const LearnerParts& parts;
  const LearnerOptions& options;
  adapters::AdapterStore& store;
  adapters::SampleJournal& journal;
  adapters::LearningRecords& records;
  const std::vector<training::Sample>& replay;
  const std::vector<training::Sample>& general;
};

class Course {
 public:
  /// Goes on with the burst in progress, or begins one with queued samples, those up to the id
  /// `last`. Nothing when there are none that can be used. Computes nothing. Errors: those of the
  /// store and of Teaching.
  static std::unique_ptr<Course> Open(const CourseSetup& setup, const std::string& adapter,
                                      int64_t last);

  // With a turn.
  void Prepare(ops::Context& context);
  bool done() const { return teaching_->done(); }
  training::StepReport Step(ops::Context& context) { return teaching_->Next(context); }
  void Evaluate(ops::Context& context) { teaching_->Evaluate(context); }

  // Without one.
  /// The state after the last step is to be saved, unless that was done a moment ago.
  bool save_due() const;
  void SaveIfDue(const training::StepReport& report);
  /// Ends the burst. Errors: kFailedPrecondition when another version has become current: the burst
  /// is then to be opened again.
  TeachResult Store();

  int64_t base() const { return burst_.base; }
  int64_t number() const { return burst_.number; }
  int64_t steps() const { return teaching_->run().options().schedule.steps; }

 private:
  struct Lessons {
    std::vector<Lesson> fresh, review, held_before, held_now;
  };
  Course(const CourseSetup& setup, std::string adapter, adapters::Burst burst, Lessons lessons);
  static std::vector<Lesson> Encode(const CourseSetup& setup,
                                    const std::vector<adapters::SampleRecord>& records,
                                    std::vector<int64_t>* unusable);
  std::unique_ptr<Teaching> MakeTeaching() const;
  std::string StateName() const;
  void RemoveOtherStates() const;

  const CourseSetup& setup_;
  const std::string adapter_;
  const adapters::Burst burst_;
  training::RunData data_;
  size_t known_ = 0;
  bool stand_ins_ = false;  // what is trained on is also what judges
  int64_t fresh_ = 0;       // samples of the journal
  std::unique_ptr<Teaching> teaching_;
  std::chrono::steady_clock::time_point saved_;
};

}  // namespace hyprstream::engine
