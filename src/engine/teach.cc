#include "engine/teach.h"

#include <utility>

#include "adapters/stored_adapter.h"
#include "base/error.h"
#include "engine/gate.h"

namespace hyprstream::engine {
namespace {

using adapters::TrainableAdapter;

TrainableAdapter Current(const LoadedModel& loaded, adapters::AdapterStore& store,
                         const adapters::AdapterRecord& record) {
  if (record.base_fingerprint != loaded.model->fingerprint()) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "the adapter belongs to another model",
                 .expected = record.base_model + " with fingerprint " + record.base_fingerprint,
                 .found = loaded.name + " with " + loaded.model->fingerprint(),
                 .hint = "create an adapter of this model, or use the model it was made for"});
  }
  const model::ModelConfig& config = loaded.model->config();
  if (const auto version = store.Find(record.name, "current")) {
    return TrainableAdapter::Load(version->file, config);
  }
  return TrainableAdapter(
      adapters::Topology(config, adapters::ParseSpec(record.spec, record.name)));
}

}  // namespace

Teaching::Teaching(const LoadedModel& loaded, adapters::AdapterStore& store,
                   const std::string& adapter, training::RunData data,
                   std::vector<training::Sample> general, const TeachOptions& options)
    : store_(store),
      name_(store.Get(adapter).name),
      general_(std::move(general)),
      options_(options) {
  trainer_ = std::make_unique<training::Trainer>(
      loaded.model, Current(loaded, store, store.Get(adapter)), options.trainer);
  run_ = std::make_unique<training::TrainingRun>(*trainer_, std::move(data), options.run);
}

std::filesystem::path Teaching::StateFile() const {
  return store_.Folder(name_) / options_.state_name;
}

std::vector<double> Teaching::Losses(ops::Context& context,
                                     const std::vector<training::Sample>& samples, Use use) {
  std::vector<const training::Sample*> pointers;
  for (const training::Sample& sample : samples) pointers.push_back(&sample);
  return trainer_->Losses(context, pointers, {}, use);
}

int64_t Teaching::Prepare(ops::Context& context, Begin begin) {
  heldout_.before = Losses(context, run_->data().eval, Use::kWithAdapter);
  general_measured_.before = Losses(context, general_, Use::kWithAdapter);
  std::error_code ignored;
  if (begin == Begin::kAfresh) std::filesystem::remove(StateFile(), ignored);
  if (std::filesystem::exists(StateFile(), ignored)) {
    run_->Restore(StateFile());
  } else {
    run_->Prepare(context);
  }
  return run_->step();
}

void Teaching::SaveIfDue() const {
  const int64_t every = options_.checkpoint_every;
  if (every > 0 && run_->step() % every == 0) Save();
}

void Teaching::Save() const {
  std::filesystem::create_directories(store_.Folder(name_));
  run_->Save(StateFile());
}

void Teaching::Measure(ops::Context& context, const std::vector<training::Sample>& samples,
                       Measured& measured) {
  measured.now = Losses(context, samples, Use::kWithAdapter);
  measured.base = Losses(context, samples, Use::kBaseOnly);
}

std::optional<TeachEvaluation> Teaching::Measured::Summary() const {
  if (now.empty()) return std::nullopt;
  return TeachEvaluation{.with_adapter = training::MeanOf(now),
                         .before = training::MeanOf(before),
                         .without_adapter = training::MeanOf(base),
                         .samples = std::ssize(now)};
}

void Teaching::Evaluate(ops::Context& context) {
  run_->Finish();
  Measure(context, run_->data().eval, heldout_);
  Measure(context, general_, general_measured_);
}

TeachResult Teaching::Store(const StoreOptions& options) {
  TeachResult result;
  result.heldout = heldout_.Summary();
  result.general = general_measured_.Summary();
  const Judgement judgement = Judge({.heldout_before = heldout_.before,
                                     .heldout = heldout_.now,
                                     .known = options_.known,
                                     .general_base = general_measured_.base,
                                     .general = general_measured_.now});
  result.verdict = judgement.reason;
  adapters::NewVersion version{.status = judgement.promote ? adapters::VersionStatus::kPromoted
                                                           : adapters::VersionStatus::kRejected,
                               .samples = options.samples.value_or(std::ssize(run_->data().train)),
                               .steps = run_->step(),
                               .follows = options.follows,
                               .along = options.along};
  if (result.general) version.general_loss = result.general->with_adapter.mean;
  if (result.heldout) version.heldout_loss = result.heldout->with_adapter.mean;
  const TrainableAdapter& adapter = trainer_->adapter();
  const bool sparse = adapter.spec().kind == adapters::AdapterKind::kSparse;
  result.version = store_.AddVersion(name_, version, [&](const std::filesystem::path& path) {
    return adapter.Save(
        path, {.name = name_, .encoding = sparse ? vdb::Encoding::kFp8 : vdb::Encoding::kF32});
  });
  result.statistics = adapter.Statistics();
  result.file_size = {std::filesystem::file_size(result.version.file)};
  std::error_code ignored;
  std::filesystem::remove(StateFile(), ignored);
  return result;
}

}  // namespace hyprstream::engine
