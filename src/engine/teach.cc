#include "engine/teach.h"

#include <utility>

#include "adapters/stored_adapter.h"
#include "base/error.h"

namespace hyprstream::engine {
namespace {

using adapters::TrainableAdapter;

constexpr double kGeneralTolerance = 0.01;  // the general loss may grow by this share

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
  return store_.Folder(name_) / "training.safetensors";
}

std::vector<double> Teaching::Losses(ops::Context& context,
                                     const std::vector<training::Sample>& samples, Use use) {
  std::vector<const training::Sample*> pointers;
  for (const training::Sample& sample : samples) pointers.push_back(&sample);
  return trainer_->Losses(context, pointers, {}, use);
}

int64_t Teaching::Prepare(ops::Context& context, Begin begin) {
  heldout_before_ = Losses(context, run_->data().eval, Use::kWithAdapter);
  general_before_ = Losses(context, general_, Use::kWithAdapter);
  std::error_code ignored;
  if (begin == Begin::kAfresh) std::filesystem::remove(StateFile(), ignored);
  if (std::filesystem::exists(StateFile(), ignored)) {
    run_->Restore(StateFile());
  } else {
    run_->Prepare(context);
  }
  return run_->step();
}

training::StepReport Teaching::Next(ops::Context& context) {
  training::StepReport report = run_->Next(context);
  if (options_.checkpoint_every > 0 && report.step % options_.checkpoint_every == 0) {
    std::filesystem::create_directories(store_.Folder(name_));
    run_->Save(StateFile());
  }
  return report;
}

std::optional<TeachEvaluation> Teaching::Evaluate(ops::Context& context,
                                                  const std::vector<training::Sample>& samples,
                                                  const std::vector<double>& before) {
  if (samples.empty()) return std::nullopt;
  const auto mean = [&](Use use) { return training::MeanOf(Losses(context, samples, use)); };
  return TeachEvaluation{.with_adapter = mean(Use::kWithAdapter),
                         .before = training::MeanOf(before),
                         .without_adapter = mean(Use::kBaseOnly),
                         .samples = std::ssize(samples)};
}

TeachResult Teaching::Finish(ops::Context& context) {
  run_->Finish();
  TeachResult result;
  result.heldout = Evaluate(context, run_->data().eval, heldout_before_);
  result.general = Evaluate(context, general_, general_before_);
  adapters::NewVersion version{.status = adapters::VersionStatus::kPromoted,
                               .heldout_loss = {},
                               .general_loss = {},
                               .samples = std::ssize(run_->data().train),
                               .steps = run_->step()};
  if (result.general) version.general_loss = result.general->with_adapter.mean;
  result.verdict = "promoted: no held-out samples to judge it by";
  if (result.heldout) {
    version.heldout_loss = result.heldout->with_adapter.mean;
    const bool better = result.heldout->with_adapter.mean < result.heldout->before.mean;
    const bool harmless =
        !result.general || result.general->with_adapter.mean <=
                               (1.0 + kGeneralTolerance) * result.general->without_adapter.mean;
    result.verdict = !better     ? "rejected: held-out samples are not predicted better"
                     : !harmless ? "rejected: what the model knew is predicted worse"
                                 : "promoted: held-out samples are predicted better";
    if (!better || !harmless) version.status = adapters::VersionStatus::kRejected;
  }
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
