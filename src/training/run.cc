#include "training/run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"

namespace hyprstream::training {
namespace {

template <typename T>
void HashValue(Sha256& hash, const T& value) {
  hash.Update(std::as_bytes(std::span(&value, 1)));
}

void HashSamples(Sha256& hash, const std::vector<Sample>& samples) {
  HashValue(hash, samples.size());
  for (const Sample& sample : samples) {
    HashValue(hash, sample.ids.size());
    hash.Update(std::as_bytes(std::span(sample.ids)));
    hash.Update(std::as_bytes(std::span(sample.labels)));
    HashValue(hash, sample.weight);
  }
}

void HashLoss(Sha256& hash, const LossOptions& loss) {
  HashValue(hash, loss.kind);
  HashValue(hash, loss.label_smoothing);
  HashValue(hash, loss.temperature);
  HashValue(hash, loss.weight);
}

std::string IdentityOf(const Trainer& trainer, const RunData& data, const RunOptions& options) {
  Sha256 hash;
  const std::string head = trainer.model().fingerprint() + WriteSpec(trainer.adapter().spec());
  hash.Update(std::as_bytes(std::span(head)));
  for (const auto* samples : {&data.train, &data.replay, &data.review, &data.eval})
    HashSamples(hash, *samples);
  const Schedule& schedule = options.schedule;
  for (const double value :
       {schedule.peak, schedule.final_share, options.replay_share, options.replay_evenness,
        options.grow.fill, options.regrow_share, options.enough, trainer.options().clip,
        trainer.options().adamw.beta1, trainer.options().adamw.beta2,
        trainer.options().adamw.epsilon, trainer.options().adamw.weight_decay}) {
    HashValue(hash, value);
  }
  for (const int64_t value :
       {static_cast<int64_t>(schedule.decay), schedule.warmup, schedule.steps, options.batch,
        options.rows, options.place_batches, options.grow.cap, options.grow.passes,
        options.regrow_every, options.eval_every, options.patience, options.cool_down,
        static_cast<int64_t>(options.seed), static_cast<int64_t>(options.grow.seed)}) {
    HashValue(hash, value);
  }
  HashLoss(hash, options.loss);
  HashLoss(hash, options.replay_loss);
  return ToHex(hash.Finish());
}

const RunData& Checked(const RunData& data, const RunOptions& options) {
  const auto refuse = [](std::string message, std::string expected) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = std::move(message), .expected = std::move(expected)});
  };
  if (data.train.empty()) refuse("there is nothing to train on", "at least one sample");
  if (options.schedule.steps < 1) refuse("a run without steps", "at least one");
  if (options.batch < 1) refuse("a batch without samples", "at least one");
  if (options.replay_share < 0.0 || options.replay_share >= 1.0) {
    refuse("the share of replayed samples is out of range", "0 or more and below 1");
  }
  if (options.replay_evenness < 0.0 || options.replay_evenness > 1.0) {
    refuse("the evenness of replayed samples is out of range", "0 to 1");
  }
  return data;
}

// Weights by a power of the length; the weight of all targets together stays as it was.
RunData EvenedOut(RunData data, double evenness) {
  double before = 0.0, after = 0.0;
  for (Sample& sample : data.replay) {
    const auto targets = static_cast<double>(CountTargets(sample));
    before += targets * static_cast<double>(sample.weight);
    sample.weight *= static_cast<float>(std::pow(targets, -evenness));
    after += targets * static_cast<double>(sample.weight);
  }
  for (Sample& sample : data.replay) sample.weight *= static_cast<float>(before / after);
  return data;
}

std::vector<const Sample*> Pointers(const std::vector<Sample>& samples) {
  std::vector<const Sample*> pointers;
  for (const Sample& sample : samples) pointers.push_back(&sample);
  return pointers;
}

}  // namespace

TrainingRun::TrainingRun(Trainer& trainer, RunData data, const RunOptions& options)
    : trainer_(trainer),
      data_(EvenedOut(std::move(data), options.replay_evenness)),
      options_(options),
      identity_(IdentityOf(trainer, Checked(data_, options_), options_)),
      train_order_(data_.train.size(), options.seed),
      teacher_memory_(options.teacher_memory) {
  if (!data_.replay.empty()) {
    replay_order_.emplace(data_.replay.size(), CounterRandom(options.seed).Bits(0));
  }
  if (!data_.review.empty()) {
    review_order_.emplace(data_.review.size(), CounterRandom(options.seed).Bits(1));
  }
}

std::vector<MicroBatch> TrainingRun::BatchOf(int64_t step) {
  const int64_t old =
      replay_order_ || review_order_
          ? std::llround(static_cast<double>(options_.batch) * options_.replay_share)
          : 0;
  const int64_t reviewed = !review_order_ ? 0 : replay_order_ ? old / 2 : old;
  const int64_t replayed = old - reviewed;
  const auto draw = [&](SampleOrder& order, const std::vector<Sample>& from, int64_t count) {
    std::vector<const Sample*> drawn;
    for (int64_t i = 0; i < count; ++i) {
      drawn.push_back(&from[order.At(static_cast<uint64_t>(step * count + i))]);
    }
    return drawn;
  };
  std::vector<MicroBatch> batches;
  const auto add = [&](const std::vector<const Sample*>& drawn, const LossOptions& loss,
                       TeacherMemory* teacher) {
    for (MicroBatch& batch : PackSamples(drawn, loss, options_.rows)) {
      batch.teacher = teacher;
      batches.push_back(std::move(batch));
    }
  };
  // Fewer samples than places are computed once each and weigh as much as if they filled them.
  const int64_t places = options_.batch - old;
  const int64_t fresh = std::min(places, std::ssize(data_.train));
  LossOptions loss = options_.loss;
  loss.weight *= static_cast<float>(places) / static_cast<float>(fresh);
  add(draw(train_order_, data_.train, fresh), loss, nullptr);
  if (reviewed > 0) add(draw(*review_order_, data_.review, reviewed), options_.loss, nullptr);
  if (replayed > 0) {
    add(draw(*replay_order_, data_.replay, replayed), options_.replay_loss, &teacher_memory_);
  }
  return batches;
}

std::vector<MicroBatch> TrainingRun::PlacementBatches(int64_t first) {
  const auto count = std::min(static_cast<uint64_t>(options_.place_batches * options_.batch),
                              static_cast<uint64_t>(data_.train.size()));
  std::vector<const Sample*> samples;
  for (uint64_t i = 0; i < count; ++i) {
    samples.push_back(&data_.train[train_order_.At(static_cast<uint64_t>(first) + i)]);
  }
  return PackSamples(samples, options_.loss, options_.rows);
}

void TrainingRun::RequireSomethingToLearn() const {
  if (options_.loss.kind == ops::LossKind::kCrossEntropy) return;
  const adapters::TrainableAdapter& adapter = trainer_.adapter();
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const Tensor b = adapter.Gather(p).b;
    const auto acts = [](float value) { return value != 0.0f; };
    if (std::ranges::any_of(b.As<float>(), acts)) return;
  }
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "there is nothing to learn: the adapter equals the base, and the base is "
                          "the teacher of this loss",
               .expected = "an adapter that was trained or imported",
               .hint = "train it with the loss ce first"});
}

void TrainingRun::Prepare(ops::Context& context) {
  if (std::exchange(prepared_, true)) return;
  RequireSomethingToLearn();
  const adapters::TrainableAdapter& adapter = trainer_.adapter();
  if (adapter.spec().kind == adapters::AdapterKind::kLora) {
    if (adapter.weights() == 0) InitialiseDense(trainer_, options_.seed);
    return;
  }
  GrowOptions grow = options_.grow;
  grow.weights = RoomToGrow(adapter.topology(), adapter.weights(), grow);
  GrowComponents(context, trainer_, PlacementBatches(0), grow);
}

StepReport TrainingRun::Next(ops::Context& context) {
  HYPR_CHECK(prepared_ && !done());
  const auto begin = std::chrono::steady_clock::now();
  StepReport report;
  if (options_.regrow_every > 0 && step_ > 0 && step_ % options_.regrow_every == 0 &&
      trainer_.adapter().spec().kind == adapters::AdapterKind::kSparse) {
    GrowOptions grow = options_.grow;
    grow.seed += static_cast<uint64_t>(step_);
    report.regrown = Regrow(context, trainer_, PlacementBatches(step_ * options_.batch),
                            options_.regrow_share, grow);
  }
  report.learning_rate = LearningRate();
  const std::vector<MicroBatch> batches = BatchOf(step_);
  report.result = trainer_.Step(context, batches, report.learning_rate);
  report.step = ++step_;
  const adapters::TrainableAdapter& adapter = trainer_.adapter();
  report.sparsity = 1.0 - static_cast<double>(adapter.grid().Recount().nonzeros) /
                              static_cast<double>(adapter.topology().parameters_total());
  const bool last = step_ == last_step();
  if (last || (options_.eval_every > 0 && step_ % options_.eval_every == 0)) {
    Evaluate(context, report);
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  history_.push_back(report);
  return report;
}

void TrainingRun::Evaluate(ops::Context& context, StepReport& report) {
  if (data_.eval.empty()) return;
  const std::vector<const Sample*> samples = Pointers(data_.eval);
  const std::vector<double> losses =
      trainer_.Losses(context, samples, options_.loss, Trainer::Use::kWithAdapter);
  report.eval_loss = MeanOf(losses).mean;
  // Once it has learnt enough, the last step counts.
  if (!best_loss_ || learnt_ || *report.eval_loss < *best_loss_) {
    best_loss_ = report.eval_loss;
    best_step_ = step_;
    best_ = TakeSnapshot(trainer_.adapter(), WithMoments::kNo);
    worse_ = 0;
  } else {
    ++worse_;
  }
  if (!learnt_ && Enough(report)) learnt_ = step_;
  stopped_ = options_.patience > 0 && worse_ >= options_.patience;
}

bool TrainingRun::Enough(const StepReport& report) const {
  return report.eval_loss && *report.eval_loss < options_.enough;
}

int64_t TrainingRun::last_step() const {
  const int64_t all = options_.schedule.steps;
  return learnt_ ? std::min(all, *learnt_ + options_.cool_down) : all;
}

double TrainingRun::LearningRate() const {
  if (!learnt_) return options_.schedule.At(step_);
  const double done =
      static_cast<double>(step_ + 1 - *learnt_) / static_cast<double>(last_step() - *learnt_);
  const double fall = 1.0 - (1.0 - options_.schedule.final_share) * done;
  return std::min(options_.schedule.At(step_), options_.schedule.At(*learnt_ - 1) * fall);
}

void TrainingRun::Finish() {
  if (!best_loss_ || best_step_ == step_) return;
  trainer_.ChangeAdapter(
      [&](adapters::TrainableAdapter& adapter, SparseAdamW&) { RestoreSnapshot(best_, adapter); });
}

MeanInterval MeanOf(std::span<const double> values) {
  return MeanOf(values, std::vector<double>(values.size(), 1.0));
}

MeanInterval MeanOf(std::span<const double> values, std::span<const double> targets) {
  HYPR_CHECK(values.size() == targets.size());
  const double total = std::accumulate(targets.begin(), targets.end(), 0.0);
  const double mean =
      std::inner_product(values.begin(), values.end(), targets.begin(), 0.0) / total;
  if (values.size() < 2) return {.mean = mean, .half_width = 0.0};
  double squares = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double residual = targets[i] * (values[i] - mean);
    squares += residual * residual;
  }
  const auto count = static_cast<double>(values.size());
  return {.mean = mean, .half_width = 1.96 * std::sqrt(squares * count / (count - 1.0)) / total};
}

}  // namespace hyprstream::training
