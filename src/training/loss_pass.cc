#include "training/loss_pass.h"

#include <algorithm>
#include <type_traits>

namespace hyprstream::training {
namespace {

ops::TokenLossOptions OptionsOf(const LossOptions& loss) {
  return {
      .kind = loss.kind, .label_smoothing = loss.label_smoothing, .temperature = loss.temperature};
}

ConstMatrix RowsOf(const ConstMatrix& m, size_t begin, size_t count) {
  if (m.data == nullptr) return m;
  return {m.row(static_cast<int64_t>(begin)), static_cast<int64_t>(count), m.cols, m.stride};
}

}  // namespace

struct LossPass::Targets {
  std::vector<int32_t> tokens;
  std::vector<ops::RowRange> sequences;
  std::vector<int32_t> rows;
  std::vector<int32_t> labels;
  std::vector<float> weights;
  std::vector<size_t> first;  // target of each sample
};

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

double TotalWeight(std::span<const MicroBatch> batches) {
  double total = 0.0;
  for (const MicroBatch& batch : batches) {
    for (const Sample* sample : batch.samples) {
      total += static_cast<double>(batch.loss.weight * sample->weight) *
               static_cast<double>(CountTargets(*sample));
    }
  }
  return total;
}

LossPass::Targets LossPass::TargetsOf(const MicroBatch& batch) {
  Targets targets;
  for (const Sample* sample : batch.samples) {
    targets.first.push_back(targets.rows.size());
    const auto begin = static_cast<int64_t>(targets.tokens.size());
    targets.tokens.insert(targets.tokens.end(), sample->ids.begin(), sample->ids.end());
    targets.sequences.push_back({begin, static_cast<int64_t>(targets.tokens.size())});
    for (size_t t = 1; t < sample->ids.size(); ++t) {
      if (sample->labels[t] == kIgnoredLabel) continue;
      targets.rows.push_back(static_cast<int32_t>(begin + static_cast<int64_t>(t) - 1));
      targets.labels.push_back(sample->labels[t]);
      targets.weights.push_back(batch.loss.weight * sample->weight);
    }
  }
  return targets;
}

ConstMatrix LossPass::Forward(ops::Context& context, const Targets& targets,
                              const ActingAdapter& adapter, const model::GradientSink* sink) {
  // The backward pass reads the adapters again, so they must outlive this call.
  static_assert(std::is_trivially_copyable_v<model::AdapterUse>);
  const std::span<model::AdapterUse> uses =
      context.scratch.Allocate<model::AdapterUse>(adapter.views == nullptr ? 0 : 1);
  if (!uses.empty()) {
    uses[0] = {.row_begin = 0,
               .row_end = static_cast<int64_t>(targets.tokens.size()),
               .views = adapter.views,
               .scale = adapter.scale};
  }
  return pass_.Forward(context,
                       {.tokens = targets.tokens,
                        .sequences = targets.sequences,
                        .target_rows = targets.rows,
                        .adapters = uses},
                       sink);
}

ConstMatrix LossPass::TeacherHidden(ops::Context& context, const Targets& targets,
                                    const MicroBatch& batch) {
  if (batch.loss.kind == ops::LossKind::kCrossEntropy) return {};
  const Matrix copy =
      context.scratch.AllocateMatrix(std::ssize(targets.rows), pass_.model().config().hidden_size);
  if (batch.teacher != nullptr && batch.teacher->Recall(batch.samples, copy)) return copy;
  const ConstMatrix hidden = Forward(context, targets, teacher_, nullptr);
  for (int64_t row = 0; row < hidden.rows; ++row) {
    std::copy_n(hidden.row(row), hidden.cols, copy.row(row));
  }
  if (batch.teacher != nullptr) batch.teacher->Keep(batch.samples, copy);
  return copy;
}

double LossPass::Gradients(ops::Context& context, const MicroBatch& batch, double total,
                           const ActingAdapter& adapter, model::GradientSink& sink) {
  const ops::Scratch::Frame frame(context.scratch);
  Targets targets = TargetsOf(batch);
  for (float& weight : targets.weights) {
    weight = static_cast<float>(static_cast<double>(weight) / total);
  }
  const ConstMatrix teacher = TeacherHidden(context, targets, batch);
  const ConstMatrix hidden = Forward(context, targets, adapter, &sink);
  const Matrix dhidden = context.scratch.AllocateMatrix(hidden.rows, hidden.cols);
  const ops::TokenLossInput input{.head = pass_.head(),
                                  .hidden = hidden,
                                  .labels = targets.labels,
                                  .teacher = teacher,
                                  .weights = targets.weights};
  const double loss = ops::TokenLoss(context, input, OptionsOf(batch.loss), dhidden).loss;
  pass_.Backward(context, dhidden, sink);
  return loss;
}

std::vector<double> LossPass::Losses(ops::Context& context, const MicroBatch& batch,
                                     const ActingAdapter& adapter) {
  const ops::Scratch::Frame frame(context.scratch);
  const Targets targets = TargetsOf(batch);
  const ConstMatrix teacher = TeacherHidden(context, targets, batch);
  const ConstMatrix hidden = Forward(context, targets, adapter, nullptr);
  std::vector<double> losses;
  for (size_t s = 0; s < targets.first.size(); ++s) {
    const size_t begin = targets.first[s];
    const bool last = s + 1 == targets.first.size();
    const size_t count = (last ? targets.rows.size() : targets.first[s + 1]) - begin;
    const ops::TokenLossInput input{.head = pass_.head(),
                                    .hidden = RowsOf(hidden, begin, count),
                                    .labels = std::span(targets.labels).subspan(begin, count),
                                    .teacher = RowsOf(teacher, begin, count)};
    const ops::TokenLossSum sum = ops::TokenLoss(context, input, OptionsOf(batch.loss), {});
    losses.push_back(sum.loss / sum.weight);
  }
  return losses;
}

}  // namespace hyprstream::training
