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

void Multiply(std::span<float> values, double scale) {
  for (float& value : values) value = static_cast<float>(static_cast<double>(value) * scale);
}

}  // namespace

Trainer::Trainer(std::shared_ptr<const model::Model> model, adapters::TrainableAdapter adapter,
                 const TrainerOptions& options, const model::AdapterViews* teacher)
    : pass_(std::move(model), {.activations = options.activations}, teacher),
      adapter_(std::move(adapter)),
      options_(options),
      optimiser_(options.adamw),
      views_(EmptyViews(pass_.model().config())) {
  HYPR_CHECK(options.place_scales.empty() ||
             options.place_scales.size() == adapter_.topology().places().size());
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
    if (PlaceScale(p) != 1.0) Multiply(factors_[p].b.As<float>(), PlaceScale(p));
    const ops::LowRankView view{
        .a = factors_[p].a.As<float>().data(), .b = factors_[p].b.As<float>().data(), .rank = rank};
    views_.Set(places[p].at.layer, places[p].at.module, view, places[p].at.expert);
  }
  sink_.emplace(views_);
  gradients_.assign(places.size(), {});
}

StepResult Trainer::RunAll(ops::Context& context, std::span<const MicroBatch> batches,
                           model::GradientSink& sink) {
  const double total = TotalWeight(batches);
  HYPR_CHECK(total > 0.0);
  StepResult result;
  for (const MicroBatch& batch : batches) {
    result.loss += pass_.Gradients(context, batch, total, Acting(), sink);
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
  scaled_.clear();
  for (const auto& [place, gradient] : sink_->gradients()) {
    const std::optional<size_t> p = adapter_.topology().FindPlace(place);
    HYPR_CHECK(p.has_value());
    gradients_[*p] = {.a = MatrixOf(gradient.a), .b = MatrixOf(gradient.b)};
    if (PlaceScale(*p) == 1.0) continue;
    Tensor& b = scaled_.emplace_back(DType::kF32, gradient.b.shape());
    std::ranges::copy(gradient.b.As<float>(), b.As<float>().begin());
    Multiply(b.As<float>(), PlaceScale(*p));
    gradients_[*p].b = MatrixOf(b);
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
  const ActingAdapter adapter = use == Use::kWithAdapter ? Acting() : ActingAdapter{};
  std::vector<double> losses;
  for (const MicroBatch& batch : PackSamples(samples, loss, options_.rows)) {
    const std::vector<double> more = pass_.Losses(context, batch, adapter);
    losses.insert(losses.end(), more.begin(), more.end());
  }
  return losses;
}

}  // namespace hyprstream::training
