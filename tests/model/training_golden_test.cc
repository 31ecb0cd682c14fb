// Losses and gradients of an adapter against PyTorch's, for every loss, instruction set, way of
// batching and amount of remembering. Tolerances: docs/numerics.md.
#include <gtest/gtest.h>

#include "model/gradient_harness.h"

namespace hyprstream {
namespace {

using namespace hyprstream::testing;

constexpr double kGradientTolerance = 3e-5;  // of each tensor's largest entry

struct GoldenLoss {
  std::string name;
  ops::TokenLossOptions options;
};

void PrintTo(const GoldenLoss& loss, std::ostream* out) { *out << loss.name; }

class GoldenGradients : public ::testing::TestWithParam<GoldenLoss> {
 protected:
  static double WantedLoss() {
    const auto file =
        formats::SafetensorsFile::Open(DataPath("fixtures/train/batch_and_losses.safetensors"));
    return file->Find("loss." + GetParam().name)->view.As<float>()[0];
  }

  static void ExpectGolden(const model::LowRankSink& sink, const TestAdapter& adapter) {
    const auto want = formats::SafetensorsFile::Open(
        DataPath("fixtures/train/gradients_" + GetParam().name + ".safetensors"));
    ASSERT_EQ(sink.gradients().size() * 2, want->tensors().size());
    for (const auto& [place, factors] : adapter.factors()) {
      const model::LowRankSink::Gradient& got = sink.gradients().at(place);
      const TensorView a = want->Find(PeftName(place, "A"))->view;
      const TensorView b = want->Find(PeftName(place, "B"))->view;
      EXPECT_LE(RelativeDifference(got.a.As<float>(), a.As<float>()), kGradientTolerance)
          << PeftName(place, "A");
      const Tensor transposed = Transposed(b.As<float>(), b.shape[0], b.shape[1]);
      EXPECT_LE(RelativeDifference(got.b.As<float>(), transposed.As<float>()), kGradientTolerance)
          << PeftName(place, "B");
    }
  }
};

TEST_P(GoldenGradients, EqualTheReferenceOnEveryInstructionSetWholeAndRecomputed) {
  const std::vector<TrainingSamples> parts = FixtureSequences();
  const TrainingSamples packed = Packed(parts);
  const float weight = 1.0f / static_cast<float>(packed.labels.size());
  for (const kernels::Isa isa : kernels::SupportedIsas()) {
    Compute compute(2, isa);
    const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
    const TestAdapter adapter = LoadTestAdapter(model->config(), "fixtures/peft/a-all-seven", 2.0f);
    for (const Bytes budget : {Bytes{0}, Bytes{400'000}, Bytes{170'000}}) {
      SCOPED_TRACE(::testing::Message()
                   << kernels::IsaName(isa) << ", " << FormatBytes(budget) << " of activations");
      model::TrainingPass pass(model, {.activations = budget});
      model::LowRankSink sink(adapter.views);
      const double loss = AddLossAndGradients(compute.context, pass, packed, adapter,
                                              GetParam().options, weight, &sink);
      const int64_t forgotten = budget.value == 0 ? 0 : (budget.value == 400'000 ? 2 : 3);
      EXPECT_EQ(pass.lowest_whole_layer(), forgotten);
      EXPECT_NEAR(loss, WantedLoss(), 1e-5 * std::max(1.0, WantedLoss()));
      ExpectGolden(sink, adapter);
    }
  }
}

TEST_P(GoldenGradients, EqualTheReferenceOneSequenceAtATime) {
  Compute compute(2);
  const std::vector<TrainingSamples> parts = FixtureSequences();
  const float weight = 1.0f / static_cast<float>(Packed(parts).labels.size());
  const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  const TestAdapter adapter = LoadTestAdapter(model->config(), "fixtures/peft/a-all-seven", 2.0f);
  model::TrainingPass pass(model);
  model::LowRankSink sink(adapter.views);
  double loss = 0;
  for (const TrainingSamples& part : parts) {
    loss += AddLossAndGradients(compute.context, pass, part, adapter, GetParam().options, weight,
                                &sink);
  }
  EXPECT_NEAR(loss, WantedLoss(), 1e-5 * std::max(1.0, WantedLoss()));
  ExpectGolden(sink, adapter);
}

const GoldenLoss kLosses[] = {
    {"ce", {.kind = ops::LossKind::kCrossEntropy}},
    {"ce_smooth_0.1", {.kind = ops::LossKind::kCrossEntropy, .label_smoothing = 0.1f}},
    {"kl_t1", {.kind = ops::LossKind::kForwardKl}},
    {"kl_t2", {.kind = ops::LossKind::kForwardKl, .temperature = 2.0f}},
    {"mse", {.kind = ops::LossKind::kMeanSquare}},
};

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenGradients, ::testing::ValuesIn(kLosses));

}  // namespace
}  // namespace hyprstream
