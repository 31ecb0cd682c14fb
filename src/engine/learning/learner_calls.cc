// What other threads ask of a learner.
#include "adapters/stored_adapter.h"
#include "base/error.h"
#include "engine/learning/learner.h"
#include "engine/learning/rehearsal_file.h"
#include "engine/rehearsal.h"
#include "engine/sample_encoder.h"

namespace hyprstream::engine {

using adapters::LearningState;

Learner::Added Learner::AddSamples(std::string_view adapter,
                                   std::span<const adapters::NewSample> samples) {
  for (size_t i = 0; i < samples.size(); ++i) {
    try {
      (void)parts_.encode(samples[i].body);
    } catch (const Error& error) {
      ErrorDetail detail = error.detail();
      detail.where = std::to_string(i);
      throw Error(error.code(), detail);
    }
  }
  Added added;
  {
    const std::lock_guard lock(front_mutex_);
    added.ids = front_.journal.Add(adapter, samples);
    added.queue_length = front_.journal.Count(adapter).queued;
  }
  Wake();
  return added;
}

std::vector<adapters::SampleRecord> Learner::Samples(std::string_view adapter, int64_t after,
                                                     int64_t limit) {
  const std::lock_guard lock(front_mutex_);
  return front_.journal.List(adapter, after, limit);
}

Learner::Added Learner::GiveFeedback(const Feedback& feedback) {
  const auto completion = answered_.Find(feedback.completion_id);
  if (!completion) {
    throw Error(ErrorCode::kNotFound, {.message = "there is no such answer, or not any more",
                                       .found = feedback.completion_id});
  }
  const std::optional<adapters::NewSample> sample = SampleOf(*completion, feedback);
  if (completion->adapter.empty()) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "the base model gave this answer, and it does not learn",
                 .hint = "ask an adapter"});
  }
  if (sample) return AddSamples(completion->adapter, std::span(&*sample, 1));
  const std::lock_guard lock(front_mutex_);
  return {.ids = {}, .queue_length = front_.journal.Count(completion->adapter).queued};
}

LearningStatus Learner::Status(std::string_view adapter) {
  LearningStatus status;
  std::string name;
  {
    const std::lock_guard lock(front_mutex_);
    const adapters::AdapterRecord record = front_.store.Get(adapter);
    const adapters::LearningRecord learning = front_.records.Get(adapter);
    const adapters::SampleCounts counts = front_.journal.Count(adapter);
    name = record.name;
    status = {.state = learning.state,
              .version = record.current,
              .pinned = record.pinned,
              .queue_length = counts.queued,
              .min_samples = options_.min_samples,
              .samples_done = counts.done(),
              .held_out = counts.held_out,
              .loss = learning.loss,
              .learning_rate = learning.learning_rate,
              .last_update = learning.updated};
  }
  {
    const std::lock_guard lock(shown_mutex_);
    const auto found = shown_.find(name);
    if (found != shown_.end()) {
      const Shown& shown = found->second;
      if (shown.loss) status.loss = shown.loss;
      if (shown.learning_rate) status.learning_rate = shown.learning_rate;
      if (shown.loss || shown.sparsity_of == status.version) status.sparsity = shown.sparsity;
      status.problem = shown.problem;
    }
  }
  if (!status.sparsity) status.sparsity = CurrentSparsity(name);
  return status;
}

std::optional<double> Learner::CurrentSparsity(const std::string& adapter) {
  std::optional<adapters::VersionRecord> version;
  {
    const std::lock_guard lock(front_mutex_);
    version = front_.store.Find(adapter, "current");
  }
  const double sparsity = version
                              ? adapters::StoredAdapter::Open(version->file, parts_.model->config())
                                    ->Statistics()
                                    .sparsity()
                              : 1.0;
  const std::lock_guard lock(shown_mutex_);
  Shown& shown = shown_[adapter];
  shown.sparsity = sparsity;
  shown.sparsity_of = version ? version->version : 0;
  return sparsity;
}

void Learner::RequireTrainable(const adapters::AdapterRecord& record) const {
  if (record.base_fingerprint != parts_.model->fingerprint()) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "the adapter belongs to another model",
                 .expected = record.base_model + " with fingerprint " + record.base_fingerprint,
                 .found = parts_.model_name + " with " + parts_.model->fingerprint()});
  }
  if (adapters::ParseAdapterKind(record.kind) == adapters::AdapterKind::kDelta) {
    throw Error(ErrorCode::kUnsupported, {.message = "a delta adapter cannot be trained",
                                          .expected = "a sparse or lora adapter",
                                          .found = record.name});
  }
}

void Learner::Start(std::string_view adapter) {
  {
    const std::lock_guard lock(front_mutex_);
    RequireTrainable(front_.store.Get(adapter));
    front_.records.Start(adapter);
  }
  Wake();
}

LearningState Learner::Stop(std::string_view adapter) {
  LearningState state = LearningState::kStopped;
  {
    const std::lock_guard lock(front_mutex_);
    state = front_.records.Stop(adapter);
  }
  Wake();
  return state;
}

void Learner::Pause(std::string_view adapter) {
  {
    const std::lock_guard lock(front_mutex_);
    front_.records.Stopped(front_.store.Get(adapter).name);
  }
  Wake();
}

bool Learner::Holds(std::string_view adapter) {
  const std::lock_guard lock(shown_mutex_);
  return held_.contains(adapter);
}

void Learner::Promote(std::string_view adapter, int64_t version) {
  std::string name;
  {
    const std::lock_guard lock(front_mutex_);
    front_.store.Promote(adapter, version);
    name = front_.store.Get(adapter).name;
  }
  Announce(name, version, "promoted by hand");
}

int64_t Learner::RollBack(std::string_view adapter) {
  std::string name;
  int64_t version = 0;
  {
    const std::lock_guard lock(front_mutex_);
    version = front_.store.RollBack(adapter);
    name = front_.store.Get(adapter).name;
  }
  Announce(name, version, "rolled back by hand");
  return version;
}

void Learner::Pin(std::string_view adapter, int64_t version) {
  std::string name;
  {
    const std::lock_guard lock(front_mutex_);
    front_.store.Pin(adapter, version);
    name = front_.store.Get(adapter).name;
  }
  Announce(name, version, "pinned by hand");
}

void Learner::Unpin(std::string_view adapter) {
  const std::lock_guard lock(front_mutex_);
  front_.store.Unpin(adapter);
}

void Learner::Announce(const std::string& adapter, int64_t version, const std::string& reason) {
  Wake();
  events_.Publish({.kind = LearningEventKind::kPromotion,
                   .adapter = adapter,
                   .version = version,
                   .message = reason});
  Load(adapter, version);
}

namespace {

// Half of what a run of its own draws: somebody waits for the first burst.
RehearsalOptions LiveRehearsal() { return {.count = 512}; }

}  // namespace

LearnerParts PartsOf(const LoadedModel& loaded, Engine& engine, const std::filesystem::path& home) {
  const auto encoder = std::make_shared<const SampleEncoder>(loaded);
  const RehearsalOptions drawn = LiveRehearsal();
  std::string key = loaded.model->fingerprint() + " 2";  // 2: at temperature 1
  for (const int64_t part : {drawn.count, int64_t{drawn.question_tokens},
                             int64_t{drawn.answer_tokens}, static_cast<int64_t>(drawn.seed)}) {
    key += " " + std::to_string(part);
  }
  const std::filesystem::path file =
      home / "rehearsal" / (loaded.model->fingerprint().substr(0, 16) + ".safetensors");
  return {.model = loaded.model,
          .model_name = loaded.name,
          .home = home,
          .turns = &engine.turns(),
          .encode = [encoder](std::string_view body) { return encoder->Encode(body); },
          .rehearse =
              [loaded, &engine, key, file](const std::function<void()>& check) {
                return ReadOrDraw(file, key, [&] {
                  RehearsalOptions options = LiveRehearsal();
                  options.check = check;
                  return Rehearse(loaded, engine, options);
                });
              }};
}

}  // namespace hyprstream::engine
