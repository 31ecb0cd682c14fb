#include "engine/learning/learner.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace hyprstream::engine {
namespace {

using adapters::LearningState;
using adapters::SampleState;
using training::Sample;

constexpr std::chrono::milliseconds kTogether{50};
constexpr std::chrono::milliseconds kPatience{500};  // until the catalogue is looked at again

Error Ended() { return Error(ErrorCode::kCancelled, {.message = "learning has ended"}); }

// What passes by itself, such as a full disk; everything else would only happen again.
bool MayPass(ErrorCode code) {
  return code == ErrorCode::kIo || code == ErrorCode::kResourceExhausted ||
         code == ErrorCode::kUnavailable || code == ErrorCode::kPermissionDenied;
}

}  // namespace

Learner::Learner(LearnerParts parts, const LearnerOptions& options)
    : parts_(std::move(parts)),
      options_(options),
      front_(parts_.home, options_.queue_limit),
      books_(parts_.home, options_.queue_limit),
      setup_{.parts = parts_,
             .options = options_,
             .store = books_.store,
             .journal = books_.journal,
             .records = books_.records,
             .replay = replay_,
             .general = general_},
      thread_([this] { Run(); }) {}

Learner::~Learner() {
  {
    const std::lock_guard lock(wake_mutex_);
    stop_ = true;
  }
  woken_.notify_all();
  parts_.turns->Interrupt();
  thread_.join();
  parts_.turns->Reset();
}

bool Learner::stopping() {
  const std::lock_guard lock(wake_mutex_);
  return stop_;
}

void Learner::Wake() {
  {
    const std::lock_guard lock(wake_mutex_);
    awake_ = true;
  }
  woken_.notify_all();
}

void Learner::Run() {
  while (!stopping()) {
    std::chrono::milliseconds patience = kPatience;
    try {
      Refresh();
      if (!pupils_.empty()) Rehearse();
      if (Pupils::value_type* next = Next()) {
        Work(next->first, next->second);
        continue;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) break;
      LogError(std::string("learning cannot go on: ") + error.what());
      patience = options_.retry_after;
    } catch (const std::exception& error) {
      LogError(std::string("learning cannot go on: ") + error.what());
      patience = options_.retry_after;
    }
    std::unique_lock lock(wake_mutex_);
    woken_.wait_for(lock, patience, [this] { return stop_ || awake_; });
    awake_ = false;
  }
}

void Learner::Rehearse() {
  if (std::exchange(rehearsed_, true) || !parts_.rehearse) return;
  std::vector<Sample> drawn;
  try {
    drawn = parts_.rehearse([this] {
      if (stopping()) throw Ended();
    });
  } catch (const Error&) {
    rehearsed_ = false;
    throw;
  }
  // Every eighth one is only looked at.
  for (size_t i = 0; i < drawn.size(); ++i) {
    (i % 8 == 7 ? general_ : replay_).push_back(std::move(drawn[i]));
  }
}

void Learner::Refresh() {
  if (!books_.records.Changed()) return;
  const std::vector<std::string> active = books_.records.Active();
  std::erase_if(
      pupils_, [&](const auto& entry) { return !std::ranges::binary_search(active, entry.first); });
  Turns::Duration least = Turns::Duration::max();
  for (const auto& [name, pupil] : pupils_) least = std::min(least, pupil.used);
  for (const std::string& name : active) {
    if (books_.store.Get(name).base_fingerprint != parts_.model->fingerprint()) continue;
    const auto [entry, fresh] = pupils_.try_emplace(name);
    // Who comes later gets no more than the others from then on.
    if (fresh && least != Turns::Duration::max()) entry->second.used = least;
    entry->second.waiting_to = BurstUpTo(name);
  }
  std::set<std::string, std::less<>> held;
  for (const auto& [name, pupil] : pupils_) held.insert(name);
  const std::lock_guard lock(shown_mutex_);
  held_ = std::move(held);
}

// The last of the queued samples that a burst would take now; 0: not enough.
int64_t Learner::BurstUpTo(const std::string& adapter) {
  const adapters::LearningRecord record = books_.records.Get(adapter);
  if (record.open) return INT64_MAX;
  if (record.state == LearningState::kRunning) return EnoughQueued(adapter) ? INT64_MAX : 0;
  const std::vector<adapters::SampleRecord> queued =
      books_.journal.List(adapter, 0, 1, SampleState::kQueued);
  if (!queued.empty() && queued.front().id <= record.flush_to) return record.flush_to;
  if (record.state == LearningState::kStopping) books_.records.Stopped(adapter);
  return 0;
}

// Somebody who corrects an answer waits for it, perhaps alone.
bool Learner::EnoughQueued(const std::string& adapter) {
  const std::vector<adapters::SampleRecord> queued =
      books_.journal.List(adapter, 0, options_.min_samples, SampleState::kQueued);
  return std::ssize(queued) >= options_.min_samples ||
         std::ranges::any_of(queued, &adapters::SampleRecord::correction);
}

Learner::Pupils::value_type* Learner::Next() {
  const auto now = std::chrono::steady_clock::now();
  const auto open = std::ranges::count_if(
      pupils_, [](const auto& entry) { return entry.second.course != nullptr; });
  Pupils::value_type* next = nullptr;
  for (Pupils::value_type& entry : pupils_) {
    const Pupil& pupil = entry.second;
    if (pupil.retry > now) continue;
    if (!pupil.course && (pupil.waiting_to == 0 || open >= options_.courses)) continue;
    if (next == nullptr || pupil.used < next->second.used) next = &entry;
  }
  return next;
}

void Learner::Work(const std::string& adapter, Pupil& pupil) {
  try {
    if (pupil.course && books_.store.Get(adapter).current != pupil.course->base()) {
      pupil.course.reset();  // somebody went back or forward: the same samples from there
    }
    if (!pupil.course) {
      pupil.prepared = false;
      pupil.course = Course::Open(setup_, adapter, pupil.waiting_to);
      if (!pupil.course) pupil.waiting_to = BurstUpTo(adapter);
    } else if (!pupil.prepared) {
      InTurn(pupil, [&](ops::Context& context) { pupil.course->Prepare(context); });
      pupil.prepared = true;
    } else if (!pupil.course->done()) {
      Step(adapter, pupil);
    } else {
      Finish(adapter, pupil);
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    Fail(adapter, pupil, error);
  } catch (const std::exception& problem) {
    Fail(adapter, pupil, Error(ErrorCode::kIo, {.message = problem.what()}));
  }
}

template <typename Compute>
void Learner::InTurn(Pupil& pupil, Compute&& compute) {
  const Turns::Duration before = parts_.turns->computed();
  {
    const Turns::Turn turn(*parts_.turns);
    ops::Context context{parts_.turns->threads(), isa_, scratch_, [this] {
                           parts_.turns->Pause();
                           if (stopping()) throw Ended();
                         }};
    compute(context);
  }
  pupil.used += parts_.turns->computed() - before;
}

// A few short steps in one turn: handing it over costs a wake-up of two threads.
void Learner::Step(const std::string& adapter, Pupil& pupil) {
  training::StepReport report;
  InTurn(pupil, [&](ops::Context& context) {
    const Turns::Duration begin = parts_.turns->computed();
    do {
      report = pupil.course->Step(context);
      Show(adapter, pupil, report);
    } while (!pupil.course->done() && !pupil.course->save_due() &&
             parts_.turns->computed() - begin < kTogether);
  });
  pupil.course->SaveIfDue(report);
}

void Learner::Show(const std::string& adapter, const Pupil& pupil,
                   const training::StepReport& report) {
  {
    const std::lock_guard lock(shown_mutex_);
    Shown& shown = shown_[adapter];
    shown.loss = report.result.loss;
    shown.learning_rate = report.learning_rate;
    shown.sparsity = report.sparsity;
    shown.problem.reset();
  }
  events_.Publish({.kind = LearningEventKind::kTrainingStep,
                   .adapter = adapter,
                   .version = pupil.course->base(),
                   .burst = pupil.course->number(),
                   .step = report.step,
                   .steps = pupil.course->steps(),
                   .loss = report.result.loss,
                   .heldout_loss = report.eval_loss,
                   .learning_rate = report.learning_rate,
                   .sparsity = report.sparsity});
}

void Learner::Finish(const std::string& adapter, Pupil& pupil) {
  InTurn(pupil, [&](ops::Context& context) { pupil.course->Evaluate(context); });
  TeachResult result;
  try {
    result = pupil.course->Store();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kFailedPrecondition) throw;
    pupil.course.reset();  // another version became current in the last moment
    return;
  }
  const bool promoted = result.version.status == adapters::VersionStatus::kPromoted;
  LearningEvent event{
      .kind = promoted ? LearningEventKind::kPromotion : LearningEventKind::kRejection,
      .adapter = adapter,
      .version = result.version.version,
      .burst = pupil.course->number(),
      .step = result.version.steps,
      .loss = result.version.heldout_loss,
      .general_loss = result.version.general_loss,
      .sparsity = result.statistics.sparsity(),
      .message = result.verdict};
  if (result.heldout) event.loss_before = result.heldout->before.mean;
  if (result.general) event.general_before = result.general->before.mean;
  pupil.course.reset();
  pupil.waiting_to = BurstUpTo(adapter);
  SetProblem(adapter, std::nullopt);
  events_.Publish(std::move(event));
  if (promoted) Load(adapter, result.version.version);
  books_.store.Trim(adapter, options_.keep_versions);
}

// The version is current and on disk, whether it can be loaded or not.
void Learner::Load(const std::string& adapter, int64_t version) {
  if (!parts_.promoted) return;
  try {
    parts_.promoted(adapter, version);
    events_.Publish({.kind = LearningEventKind::kLoad, .adapter = adapter, .version = version});
  } catch (const std::exception& error) {
    LogError("loading " + adapter + "@" + std::to_string(version) + ": " + error.what());
    events_.Publish({.kind = LearningEventKind::kError,
                     .adapter = adapter,
                     .version = version,
                     .message = error.what()});
  }
}

// Serving goes on. What may pass is tried again from the last saved state; a burst that cannot end
// otherwise ends without a version.
void Learner::Fail(const std::string& adapter, Pupil& pupil, const Error& error) {
  LogError("learning \"" + adapter + "\": " + error.what());
  events_.Publish({.kind = LearningEventKind::kError, .adapter = adapter, .message = error.what()});
  SetProblem(adapter, error.what());
  pupil.course.reset();
  pupil.retry = std::chrono::steady_clock::now() + options_.retry_after;
  if (MayPass(error.code()) || error.code() == ErrorCode::kNotFound) return;
  try {
    if (books_.records.Get(adapter).open) books_.records.End(adapter);
    pupil.waiting_to = BurstUpTo(adapter);
  } catch (const Error& another) {
    LogError(another.what());
  }
}

void Learner::SetProblem(const std::string& adapter, std::optional<std::string> problem) {
  const std::lock_guard lock(shown_mutex_);
  shown_[adapter].problem = std::move(problem);
}

}  // namespace hyprstream::engine
