// Runs fine-tuning jobs: one thread that takes each job from its file to an adapter. It makes the
// adapter, puts the file's lines into the journal, lets the learner of the model train and judge
// them, and writes down what the learner tells. Whatever it has done can be read from the
// catalogue, so after a kill the next runner goes on: lines are found in the journal by the job's
// id as their label, and none is put there twice. Nobody but this thread brings a job's adapter
// and the learner together. What it is given outlives it.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "adapters/journal.h"
#include "adapters/learning_records.h"
#include "adapters/store.h"
#include "server/file_desk.h"
#include "server/http/training_lines.h"
#include "server/job_desk.h"
#include "server/service.h"

namespace hyprstream::server {

class JobRunner {
 public:
  /// Begins at once with the jobs there are. Errors: those of the catalogue.
  JobRunner(const std::filesystem::path& home, const Service& service, FileDesk& files,
            JobDesk& desk);
  /// Ends soon; the jobs stay as they are.
  ~JobRunner();
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

 private:
  using Lines = std::vector<TrainingLine>;

  void Run();
  /// True when something went wrong that may pass.
  bool Failed(const std::string& id);
  void Work(const adapters::JobRecord& job);
  void Begin(const adapters::JobRecord& job, const ServedModel& model);
  /// Nothing when the file cannot be learnt: the job has failed then.
  std::optional<Lines> Read(const adapters::JobRecord& job, const ServedModel& model,
                            const std::string& file, const std::string& param);
  void MakeAdapter(const adapters::JobRecord& job, const ServedModel& model);
  /// The next lines, as many as the journal takes.
  void Post(const adapters::JobRecord& job, const ServedModel& model, const Lines& lines);
  void Watch(const adapters::JobRecord& job, const ServedModel& model);
  void Finish(const adapters::JobRecord& job, const ServedModel& model);
  int64_t TrainedTokens(const adapters::JobRecord& job, const ServedModel& model);
  void Fail(const adapters::JobRecord& job, const adapters::JobError& error);
  /// True when nobody computes for it any more.
  bool Quiet(const adapters::JobRecord& job, const ServedModel* model);

  /// Writes down what the learners have told since the last time.
  void Listen();

  const Service& service_;
  FileDesk& files_;
  JobDesk& desk_;

  // The runner's thread.
  adapters::AdapterStore store_;
  adapters::SampleJournal journal_;
  adapters::LearningRecords records_;
  std::vector<std::shared_ptr<engine::EventSubscription>> heard_;  // of every model's learner
  std::map<std::string, std::string> verdicts_;  // by adapter: why it got no version

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace hyprstream::server
