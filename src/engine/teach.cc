#include "engine/teach.h"

#include <cmath>
#include <utility>

#include "adapters/stored_adapter.h"
#include "base/error.h"

namespace hyprstream::engine {
namespace {

using adapters::TrainableAdapter;

constexpr int kShares = 10;  // of what was learnt are tried in steps of a tenth

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

struct Teaching::Judged {
  const std::vector<training::Sample>& samples;
  training::LossOptions loss;
};

// A divergence is judged by itself; a cross-entropy without its smoothing.
Teaching::Judged Teaching::Heldout() const {
  const training::LossOptions& loss = run_->options().loss;
  const bool entropy = loss.kind == ops::LossKind::kCrossEntropy;
  return {.samples = run_->data().eval, .loss = entropy ? training::LossOptions{} : loss};
}

Teaching::Judged Teaching::General() const { return {.samples = general_, .loss = {}}; }

std::vector<double> Teaching::Losses(ops::Context& context, const Judged& judged, Use use) {
  std::vector<const training::Sample*> pointers;
  for (const training::Sample& sample : judged.samples) pointers.push_back(&sample);
  return trainer_->Losses(context, pointers, judged.loss, use);
}

int64_t Teaching::Prepare(ops::Context& context, Begin begin) {
  heldout_.before = Losses(context, Heldout(), Use::kWithAdapter);
  general_measured_.before = Losses(context, General(), Use::kWithAdapter);
  begins_as_base_ = trainer_->adapter().weights() == 0;
  begin_ = training::TakeSnapshot(trainer_->adapter(), training::WithMoments::kNo);
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

void Teaching::Measure(ops::Context& context, const Judged& judged, Measured& measured) {
  measured.now = Losses(context, judged, Use::kWithAdapter);
  measured.base = begins_as_base_ ? measured.before : Losses(context, judged, Use::kBaseOnly);
  measured.targets = training::TargetCounts(judged.samples);
}

std::optional<TeachEvaluation> Teaching::Measured::Summary() const {
  if (now.empty()) return std::nullopt;
  return TeachEvaluation{.with_adapter = training::MeanOf(now, targets),
                         .before = training::MeanOf(before, targets),
                         .without_adapter = training::MeanOf(base, targets),
                         .samples = std::ssize(now)};
}

void Teaching::Evaluate(ops::Context& context) {
  run_->Finish();
  Measure(context, General(), general_measured_);
  Measure(context, Heldout(), heldout_);
  GateLosses taught = Losses();
  const bool keeps = KeepsWhatWasKnown(taught);
  // What contradicts earlier lessons is refused whole: a little of it would slip through.
  taught.general_base = taught.general_before = taught.general = taught.general_targets = {};
  if (options_.least_share < 1.0 && !keeps && Judge(taught).promote) {
    TakeLess(context);
    heldout_.now = Losses(context, Heldout(), Use::kWithAdapter);
  }
}

GateLosses Teaching::Losses() const {
  return {.heldout_before = heldout_.before,
          .heldout = heldout_.now,
          .known = options_.known,
          .general_base = general_measured_.base,
          .general_before = general_measured_.before,
          .general = general_measured_.now,
          .general_targets = general_measured_.targets};
}

// What is forgotten falls with the square of a small change, what is learnt hardly: the most that
// passes, by bisection.
void Teaching::TakeLess(ops::Context& context) {
  const training::AdapterSnapshot all =
      training::TakeSnapshot(trainer_->adapter(), training::WithMoments::kNo);
  const auto become = [&](int tenths) {
    trainer_->ChangeAdapter([&](TrainableAdapter& adapter, training::SparseAdamW&) {
      training::RestoreSnapshot(
          tenths == kShares ? all
                            : training::Between(begin_, all, static_cast<double>(tenths) / kShares),
          adapter);
    });
  };
  std::vector<double> kept = general_measured_.now;
  int passed = kShares;
  int low = static_cast<int>(std::ceil(kShares * options_.least_share - 1e-9));
  for (int high = kShares - 1; low <= high;) {
    const int middle = (low + high + 1) / 2;
    become(middle);
    general_measured_.now = Losses(context, General(), Use::kWithAdapter);
    if (KeepsWhatWasKnown(Losses())) {
      kept = general_measured_.now;
      passed = middle;
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  become(passed);
  general_measured_.now = std::move(kept);
  share_ = static_cast<double>(passed) / kShares;
}

adapters::VersionRecord Teaching::AddVersion(const adapters::NewVersion& version, bool once) {
  const TrainableAdapter& adapter = trainer_->adapter();
  const bool sparse = adapter.spec().kind == adapters::AdapterKind::kSparse;
  const adapters::SaveOptions save{.name = name_,
                                   .encoding = sparse ? vdb::Encoding::kFp8 : vdb::Encoding::kF32};
  if (!once) {
    return store_.AddVersion(name_, version, [&](const std::filesystem::path& path) {
      return adapter.Save(path, save);
    });
  }
  std::filesystem::create_directories(store_.Folder(name_));
  const std::filesystem::path made = store_.Folder(name_) / "training.new";
  const std::string hash = adapter.Save(made, save);
  const std::vector<adapters::VersionRecord> known = store_.Versions(name_);
  if (!known.empty() && known.back().hash == hash) {
    std::filesystem::remove(made);
    return known.back();
  }
  return store_.AddVersion(name_, version, [&](const std::filesystem::path& path) {
    std::filesystem::rename(made, path);
    return hash;
  });
}

TeachResult Teaching::Store(const StoreOptions& options) {
  TeachResult result;
  result.heldout = heldout_.Summary();
  result.general = general_measured_.Summary();
  const Judgement judgement = Judge(Losses());
  result.verdict = judgement.reason;
  if (share_ < 1.0) {
    result.verdict +=
        ", with " + std::to_string(std::lround(100.0 * share_)) + " % of what was learnt";
  }
  adapters::NewVersion version{.status = judgement.promote ? adapters::VersionStatus::kPromoted
                                                           : adapters::VersionStatus::kRejected,
                               .samples = options.samples.value_or(std::ssize(run_->data().train)),
                               .steps = run_->step(),
                               .follows = options.follows,
                               .along = options.along};
  if (result.general) version.general_loss = result.general->with_adapter.mean;
  if (result.heldout) version.heldout_loss = result.heldout->with_adapter.mean;
  result.version = AddVersion(version, options.until_forgotten);
  if (result.version.status != version.status) {
    result.verdict = "stored as " + std::string(VersionStatusName(result.version.status)) +
                     "; judged now: " + result.verdict;
  }
  result.statistics = trainer_->adapter().Statistics();
  result.file_size = {std::filesystem::file_size(result.version.file)};
  if (!options.until_forgotten) Forget();
  return result;
}

void Teaching::Forget() {
  std::error_code ignored;
  std::filesystem::remove(StateFile(), ignored);
}

}  // namespace hyprstream::engine
