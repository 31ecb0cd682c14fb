#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace hyprstream::training {
namespace {

model::AdapterViews EmptyViews(const model::ModelConfig& config) {
  return {config.num_hidden_layers, config.moe.experts};
}

ConstMatrix MatrixOf(const Tensor& tensor) {
  return {tensor.As<float>().data(), tensor.shape()[0], tensor.shape()[1], tensor.shape()[1]};
}

}  // namespace

std::vector<MicroBatch> PackSamples(std::span<const Sample* const> samples, const LossOptions& loss,
                                    int64_t rows) {
  std::vector<MicroBatch> batches;
  int64_t used = 0;
  for (const Sample* sample : samples) {
    const auto length = static_cast<int64_t>(sample->ids.size());
    if (batches.empty() || used + length > rows) {
      batches.push_back({.samples = {}, .loss = loss});
      used = 0;
    }
    batches.back().samples.push_back(sample);
    used += length;
  }
  return batches;
}

Trainer::Trainer(std::shared_ptr<const model::Model> model, adapters::TrainableAdapter adapter,
                 const TrainerOptions& options, const model::AdapterViews* teacher)
    : pass_(std::move(model), {.activations = options.activations}),
      adapter_(std::move(adapter)),
      options_(options),
      teacher_(teacher),
      optimiser_(options.adamw),
      views_(EmptyViews(pass_.model().config())) {
  Refresh();
}

void Trainer::Refresh() {
  const auto& places = adapter_.topology().places();
  factors_.clear();
  views_ = EmptyViews(pass_.model().config());
  for (size_t p = 0; p < places.size(); ++p) {
    factors_.push_back(adapter_.Gather(p));
    const auto rank = static_cast<int64_t>(adapter_.components(p).size());
    if (rank == 0) continue;
    const ops::LowRankView view{
        .a = factors_[p].a.As<float>().data(), .b = factors_[p].b.As<float>().data(), .rank = rank};
    views_.Set(places[p].at.layer, places[p].at.module, view, places[p].at.expert);
  }
  sink_.emplace(views_);
  gradients_.assign(places.size(), {});
}

Trainer::Targets Trainer::TargetsOf(const MicroBatch& batch) {
  Targets targets;
  for (size_t s = 0; s < batch.samples.size(); ++s) {
    const Sample& sample = *batch.samples[s];
    const auto begin = static_cast<int64_t>(targets.tokens.size());
    targets.tokens.insert(targets.tokens.end(), sample.ids.begin(), sample.ids.end());
    targets.sequences.push_back({begin, static_cast<int64_t>(targets.tokens.size())});
    for (size_t t = 1; t < sample.ids.size(); ++t) {
      if (sample.labels[t] == kIgnoredLabel) continue;
      targets.rows.push_back(static_cast<int32_t>(begin + static_cast<int64_t>(t) - 1));
      targets.labels.push_back(sample.labels[t]);
      targets.weights.push_back(sample.weight);
      targets.sample.push_back(s);
    }
  }
  return targets;
}

double Trainer::TotalWeight(std::span<const MicroBatch> batches) const {
  double total = 0.0;
  for (const MicroBatch& batch : batches) {
    for (const Sample* sample : batch.samples) {
      total += static_cast<double>(sample->weight) * static_cast<double>(CountTargets(*sample));
    }
  }
  return total;
}

std::span<const float> Trainer::TeacherHidden(ops::Context& context, const Targets& targets) {
  std::vector<model::AdapterUse> uses;
  if (teacher_ != nullptr) {
    uses.push_back({.row_begin = 0,
                    .row_end = static_cast<int64_t>(targets.tokens.size()),
                    .views = teacher_});
  }
  const ConstMatrix hidden = pass_.Forward(context,
                                           {.tokens = targets.tokens,
                                            .sequences = targets.sequences,
                                            .target_rows = targets.rows,
                                            .adapters = uses},
                                           nullptr);
  teacher_hidden_.resize(static_cast<size_t>(hidden.rows * hidden.cols));
  for (int64_t row = 0; row < hidden.rows; ++row) {
    std::copy_n(hidden.row(row), hidden.cols, teacher_hidden_.data() + row * hidden.cols);
  }
  return teacher_hidden_;
}

double Trainer::Run(ops::Context& context, const MicroBatch& batch, double total,
                    model::GradientSink& sink) {
  const ops::Scratch::Frame frame(context.scratch);
  Targets targets = TargetsOf(batch);
  const bool taught = batch.loss.kind != ops::LossKind::kCrossEntropy;
  const auto count = static_cast<int64_t>(targets.rows.size());
  const int64_t width = pass_.model().config().hidden_size;
  ConstMatrix teacher;
  if (taught) teacher = {TeacherHidden(context, targets).data(), count, width, width};

  for (float& weight : targets.weights) {
    weight = static_cast<float>(static_cast<double>(weight) / total);
  }
  const model::AdapterUse use{.row_begin = 0,
                              .row_end = static_cast<int64_t>(targets.tokens.size()),
                              .views = &views_,
                              .scale = static_cast<float>(adapter_.spec().scale)};
  const ConstMatrix hidden = pass_.Forward(context,
                                           {.tokens = targets.tokens,
                                            .sequences = targets.sequences,
                                            .target_rows = targets.rows,
                                            .adapters = {&use, 1}},
                                           &sink);
  const Matrix dhidden = context.scratch.AllocateMatrix(count, width);
  const ops::TokenLossInput input{.head = pass_.head(),
                                  .hidden = hidden,
                                  .labels = targets.labels,
                                  .teacher = teacher,
                                  .weights = targets.weights};
  const ops::TokenLossOptions options{.kind = batch.loss.kind,
                                      .label_smoothing = batch.loss.label_smoothing,
                                      .temperature = batch.loss.temperature};
  const double loss = ops::TokenLoss(context, input, options, dhidden).loss;
  pass_.Backward(context, dhidden, sink);
  return loss;
}

StepResult Trainer::RunAll(ops::Context& context, std::span<const MicroBatch> batches,
                           model::GradientSink& sink) {
  const double total = TotalWeight(batches);
  HYPR_CHECK(total > 0.0);
  StepResult result;
  for (const MicroBatch& batch : batches) {
    result.loss += Run(context, batch, total, sink);
    for (const Sample* sample : batch.samples) {
      result.targets += CountTargets(*sample);
      result.tokens += static_cast<int64_t>(sample->ids.size());
    }
  }
  return result;
}

StepResult Trainer::Gradients(ops::Context& context, std::span<const MicroBatch> batches) {
  sink_->Clear();
  StepResult result = RunAll(context, batches, *sink_);
  gradients_.assign(gradients_.size(), {});
  for (const auto& [place, gradient] : sink_->gradients()) {
    const std::optional<size_t> p = adapter_.topology().FindPlace(place);
    HYPR_CHECK(p.has_value());
    gradients_[*p] = {.a = MatrixOf(gradient.a), .b = MatrixOf(gradient.b)};
  }
  result.gradient_norm = GradientNorm(gradients_);
  return result;
}

StepResult Trainer::Step(ops::Context& context, std::span<const MicroBatch> batches,
                         double learning_rate) {
  const StepResult result = Gradients(context, batches);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "training diverged: the loss or its gradient is not finite",
                 .found = "loss " + std::to_string(result.loss),
                 .hint = "use a smaller learning rate"});
  }
  const double clip = options_.clip;
  // As torch.nn.utils.clip_grad_norm_ computes it.
  const double scale = clip > 0.0 ? std::min(1.0, clip / (result.gradient_norm + 1e-6)) : 1.0;
  optimiser_.Step(adapter_, gradients_, static_cast<float>(scale), learning_rate);
  Refresh();
  return result;
}

void Trainer::Sketch(ops::Context& context, std::span<const MicroBatch> batches,
                     model::GradientSink& sink) {
  RunAll(context, batches, sink);
}

std::vector<double> Trainer::Losses(ops::Context& context, std::span<const Sample* const> samples,
                                    const LossOptions& loss, Use use) {
  std::vector<double> losses;
  for (const MicroBatch& batch : PackSamples(samples, loss, 512)) {
    const ops::Scratch::Frame frame(context.scratch);
    const Targets targets = TargetsOf(batch);
    const auto count = static_cast<int64_t>(targets.rows.size());
    const int64_t width = pass_.model().config().hidden_size;
    ConstMatrix teacher;
    if (loss.kind != ops::LossKind::kCrossEntropy) {
      teacher = {TeacherHidden(context, targets).data(), count, width, width};
    }
    const model::AdapterUse adapter{.row_begin = 0,
                                    .row_end = static_cast<int64_t>(targets.tokens.size()),
                                    .views = &views_,
                                    .scale = static_cast<float>(adapter_.spec().scale)};
    std::span<const model::AdapterUse> uses;
    if (use == Use::kWithAdapter) uses = {&adapter, 1};
    const ConstMatrix hidden = pass_.Forward(context,
                                             {.tokens = targets.tokens,
                                              .sequences = targets.sequences,
                                              .target_rows = targets.rows,
                                              .adapters = uses},
                                             nullptr);
    for (size_t s = 0, next = 0; s < batch.samples.size(); ++s) {
      const size_t begin = next;
      while (next < targets.sample.size() && targets.sample[next] == s) ++next;
      const auto rows = [&](const ConstMatrix& m) {
        return m.data == nullptr
                   ? m
                   : ConstMatrix{m.row(static_cast<int64_t>(begin)),
                                 static_cast<int64_t>(next - begin), m.cols, m.stride};
      };
      const ops::TokenLossInput input{
          .head = pass_.head(),
          .hidden = rows(hidden),
          .labels = std::span(targets.labels).subspan(begin, next - begin),
          .teacher = rows(teacher)};
      const ops::TokenLossOptions options{.kind = loss.kind,
                                          .label_smoothing = loss.label_smoothing,
                                          .temperature = loss.temperature};
      const ops::TokenLossSum sum = ops::TokenLoss(context, input, options, {});
      losses.push_back(sum.loss / sum.weight);
    }
  }
  return losses;
}

}  // namespace hyprstream::training
