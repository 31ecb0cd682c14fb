#include "server/job_runner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "adapters/spec_wishes.h"
#include "adapters/topology.h"
#include "adapters/trainable_adapter.h"
#include "base/error.h"
#include "base/log.h"
#include "server/http/error_reply.h"
#include "server/job_events.h"
#include "training/recipe.h"

namespace hyprstream::server {
namespace {

using adapters::JobRecord;
using adapters::JobStatus;
using adapters::LearningState;
using adapters::SampleState;

constexpr std::chrono::milliseconds kBetween{100};  // looks at jobs that are going on
constexpr std::chrono::milliseconds kWhilePaused{1000};
constexpr std::chrono::milliseconds kAfterFailure{2000};
constexpr std::chrono::hours kUntilRung{1};
constexpr int64_t kAll = 1'000'000;

bool MayPass(ErrorCode code) {
  return code == ErrorCode::kIo || code == ErrorCode::kResourceExhausted ||
         code == ErrorCode::kUnavailable || code == ErrorCode::kPermissionDenied ||
         code == ErrorCode::kCancelled;
}

/// Those that versions are judged by.
std::string ValidationLabel(const JobRecord& job) { return job.id + " validation"; }

struct Origin {
  std::string adapter;
  std::string version;  // empty: none
};

Origin SourceOf(const JobRecord& job) {
  const size_t at = job.source.find('@');
  if (at == std::string::npos) return {};
  return {job.source.substr(0, at), job.source.substr(at + 1)};
}

/// The version that the job's adapter begins with.
int64_t FirstVersion(const JobRecord& job) {
  const Origin source = SourceOf(job);
  return source.version.empty() || source.version == "0" ? 0 : 1;
}

adapters::LearningPlan PlanOf(const JobRecord& job) {
  adapters::LearningPlan plan{.epochs = job.epochs,
                              .rate = job.rate.value_or(1.0),
                              .seed = job.seed,
                              .most_samples = adapters::SampleJournal::kQueueLimit};
  // Half of a batch is what must not be forgotten.
  if (job.batch) plan.batch = 2 * *job.batch;
  return plan;
}

}  // namespace

JobRunner::JobRunner(const std::filesystem::path& home, const Service& service, FileDesk& files,
                     JobDesk& desk)
    : service_(service), files_(files), desk_(desk), store_(home), journal_(home), records_(home) {
  for (const ServedModel& model : service_.models()) {
    heard_.push_back(model.learner->events().Subscribe(8192));
  }
  thread_ = std::thread([this] { Run(); });
}

JobRunner::~JobRunner() {
  stop_ = true;
  desk_.Ring();
  thread_.join();
}

void JobRunner::Run() {
  while (!stop_) {
    std::chrono::milliseconds patience = kUntilRung;
    try {
      Listen();
      for (const JobRecord& job : desk_.Open()) {
        if (stop_) return;
        const bool paused = job.status == JobStatus::kPaused;
        patience = std::min(patience, paused ? kWhilePaused : kBetween);
        if (Failed(job.id)) patience = kAfterFailure;
      }
    } catch (const std::exception& error) {
      LogError(std::string("fine-tuning jobs cannot go on: ") + error.what());
      patience = kAfterFailure;
    }
    desk_.Wait(patience);
  }
}

bool JobRunner::Failed(const std::string& id) {
  const JobRecord job = desk_.Get(id);
  try {
    Work(job);
    return false;
  } catch (const Error& error) {
    if (MayPass(error.code())) {
      LogWarning("fine-tuning job " + id + " waits: " + error.what());
      return true;
    }
    LogError("fine-tuning job " + id + ": " + error.what());
    Fail(job, {.code = "server_error", .message = MessageOf(error)});
  }
  return false;
}

void JobRunner::Work(const JobRecord& job) {
  const ServedModel* model = service_.FindBase(job.base_fingerprint);
  switch (job.status) {
    case JobStatus::kValidatingFiles:
      if (model != nullptr) Begin(job, *model);
      return;
    case JobStatus::kQueued:
    case JobStatus::kRunning:
      if (model != nullptr) Watch(job, *model);
      return;
    case JobStatus::kPaused:
      Quiet(job, model);
      return;
    case JobStatus::kFailed:
    case JobStatus::kCancelled:
      if (Quiet(job, model)) store_.Delete(job.adapter);
      return;
    case JobStatus::kSucceeded:
      return;
  }
}

std::optional<JobRunner::Lines> JobRunner::Read(const JobRecord& job, const ServedModel& model,
                                                const std::string& file, const std::string& param) {
  try {
    Lines lines = ReadTrainingLines(files_.Read(file));
    for (const TrainingLine& line : lines) {
      if (stop_) throw Error(ErrorCode::kCancelled, {.message = "the server ends"});
      try {
        (void)model.learner->Encode(line.body);
      } catch (const Error& error) {
        throw OfTrainingLine(line.number, error);
      }
    }
    return lines;
  } catch (const Error& error) {
    if (MayPass(error.code())) throw;
    Fail(job, {.code = "invalid_" + param, .message = MessageOf(error), .param = param});
    return std::nullopt;
  }
}

void JobRunner::Begin(const JobRecord& job, const ServedModel& model) {
  const auto lines = Read(job, model, job.training_file, "training_file");
  if (!lines) return;
  std::vector<adapters::NewSample> judges;
  if (!job.validation_file.empty()) {
    const auto validation = Read(job, model, job.validation_file, "validation_file");
    if (!validation) return;
    for (const TrainingLine& line : *validation) {
      judges.push_back({.body = line.body, .label = ValidationLabel(job), .held_out = true});
    }
  }
  MakeAdapter(job, model);
  records_.SetPlan(job.adapter, PlanOf(job));
  if (!judges.empty() && journal_.CountLabelled(job.adapter, ValidationLabel(job)).all == 0) {
    model.learner->AddSamples(job.adapter, judges);
  }
  Post(job, model, *lines);
  desk_.Change(job.id, {.from = JobStatus::kValidatingFiles,
                        .to = JobStatus::kQueued,
                        .lines = std::ssize(*lines),
                        .event = {.message = "Files validated, moving job to queued state"}});
}

void JobRunner::MakeAdapter(const JobRecord& job, const ServedModel& model) {
  const Origin source = SourceOf(job);
  const model::Model& base = *model.loaded.model;
  try {
    adapters::NewAdapter made{.name = job.adapter,
                              .kind = std::string(AdapterKindName(adapters::AdapterKind::kSparse)),
                              .base_model = model.reference,
                              .base_fingerprint = base.fingerprint(),
                              .spec = {}};
    if (source.adapter.empty()) {
      const adapters::Topology topology(base.config(),
                                        adapters::MakeSpec({}, base.config(), base.fingerprint()));
      made.spec = WriteSpec(topology.spec());
    } else {
      const adapters::AdapterRecord from = store_.Get(source.adapter);
      made.kind = from.kind;
      made.spec = from.spec;
    }
    store_.Create(made);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kAlreadyExists) throw;  // made before a kill
  }
  if (FirstVersion(job) == 0 || store_.Get(job.adapter).current != 0) return;
  const auto from = store_.Find(source.adapter, source.version);
  const auto weights = adapters::TrainableAdapter::Load(from->file, base.config());
  const bool sparse = weights.spec().kind == adapters::AdapterKind::kSparse;
  store_.AddVersion(
      job.adapter, {.heldout_loss = from->heldout_loss, .general_loss = from->general_loss},
      [&](const std::filesystem::path& path) {
        return weights.Save(path, {.name = job.adapter,
                                   .encoding = sparse ? vdb::Encoding::kFp8 : vdb::Encoding::kF32});
      });
}

void JobRunner::Post(const JobRecord& job, const ServedModel& model, const Lines& lines) {
  const auto posted = static_cast<size_t>(journal_.CountLabelled(job.adapter, job.id).all);
  const size_t end =
      std::min(lines.size(), posted + static_cast<size_t>(adapters::SampleJournal::kQueueLimit));
  std::vector<adapters::NewSample> samples;
  for (size_t i = posted; i < end; ++i) samples.push_back({.body = lines[i].body, .label = job.id});
  if (!samples.empty()) model.learner->AddSamples(job.adapter, samples);
}

// The learner's state says what is missing: a job may have been interrupted between any two steps.
void JobRunner::Watch(const JobRecord& job, const ServedModel& model) {
  const adapters::LearningRecord learning = records_.Get(job.adapter);
  if (learning.state == LearningState::kStopping) return;
  const adapters::LabelCounts counts = journal_.CountLabelled(job.adapter, job.id);
  if (learning.state == LearningState::kRunning || counts.queued > 0 || learning.open) {
    model.learner->Start(job.adapter);
    model.learner->Stop(job.adapter);  // trains what is queued, however little it is
    return;
  }
  if (model.learner->Holds(job.adapter)) return;
  if (counts.all < job.lines) {
    if (const auto lines = Read(job, model, job.training_file, "training_file")) {
      Post(job, model, *lines);
    }
    return;
  }
  Listen();
  Finish(desk_.Get(job.id), model);
}

int64_t JobRunner::TrainedTokens(const JobRecord& job, const ServedModel& model) {
  int64_t samples = 0;
  int64_t tokens = 0;
  for (const adapters::SampleRecord& record :
       journal_.List(job.adapter, 0, kAll, SampleState::kTrained)) {
    if (record.label != job.id) continue;
    for (const training::Sample& sample : model.learner->Encode(record.body)) {
      tokens += std::ssize(sample.ids);
      ++samples;
    }
  }
  int64_t steps = 0;
  for (const adapters::VersionRecord& version : store_.Versions(job.adapter)) {
    if (version.version > FirstVersion(job)) steps += version.steps;
  }
  if (samples == 0) return 0;
  const int64_t each_step = job.batch.value_or(training::kFreshOfBatch);
  return std::llround(static_cast<double>(steps * each_step) * static_cast<double>(tokens) /
                      static_cast<double>(samples));
}

void JobRunner::Finish(const JobRecord& job, const ServedModel& model) {
  if (store_.Get(job.adapter).current <= FirstVersion(job)) {
    const auto told = verdicts_.find(job.adapter);
    Fail(job, {.code = "no_better_version",
               .message = told != verdicts_.end() ? told->second
                                                  : NoVersion(store_.Versions(job.adapter))});
    return;
  }
  records_.SetPlan(job.adapter, std::nullopt);
  const adapters::JobEvent made{.message = "New fine-tuned model created: " + job.adapter,
                                .once = "made"};
  desk_.AddEvents(job.id, std::span(&made, 1));
  desk_.Change(job.id, {.from = job.status,
                        .to = JobStatus::kSucceeded,
                        .trained_tokens = TrainedTokens(job, model),
                        .event = {.message = "The job has successfully completed"}});
  verdicts_.erase(job.adapter);
}

void JobRunner::Fail(const JobRecord& job, const adapters::JobError& error) {
  if (IsFinal(job.status)) return;
  desk_.Change(job.id, {.from = job.status,
                        .to = JobStatus::kFailed,
                        .error = error,
                        .event = {.level = adapters::JobEventLevel::kError,
                                  .message = "The job failed: " + error.message}});
  verdicts_.erase(job.adapter);
}

bool JobRunner::Quiet(const JobRecord& job, const ServedModel* model) {
  if (model == nullptr) return true;
  try {
    if (records_.Get(job.adapter).state != LearningState::kStopped) {
      model->learner->Pause(job.adapter);
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return false;  // there is no adapter yet, or any more
    throw;
  }
  return !model->learner->Holds(job.adapter);
}

void JobRunner::Listen() {
  std::map<std::string, std::vector<adapters::JobEvent>> told;
  std::map<std::string, JobRecord> jobs;
  for (JobRecord& job : desk_.Open()) jobs.emplace(job.adapter, std::move(job));
  for (const auto& subscription : heard_) {
    while (const auto event = subscription->TryNext()) {
      const auto job = jobs.find(event->adapter);
      if (job == jobs.end()) continue;
      if (event->kind == engine::LearningEventKind::kRejection ||
          event->kind == engine::LearningEventKind::kError) {
        verdicts_[job->first] = VerdictOf(*event);
      }
      if (auto line = JobEventOf(*event)) told[job->first].push_back(*std::move(line));
    }
  }
  for (const auto& [adapter, events] : told) {
    const JobRecord& job = jobs.at(adapter);
    if (job.status == JobStatus::kQueued) {
      desk_.Change(job.id, {.from = JobStatus::kQueued,
                            .to = JobStatus::kRunning,
                            .event = {.message = "Fine-tuning job started", .once = "started"}});
    }
    desk_.AddEvents(job.id, events);
  }
}

}  // namespace hyprstream::server
