// Ten steps of AdamW on a LoRA adapter, in the grid, against PyTorch's: plain, clipped, and
// accumulated over micro-batches. Tolerances: docs/numerics.md.
#include <gtest/gtest.h>

#include "adapters/from_dense.h"
#include "adapters/open_adapter.h"
#include "model/gradient_harness.h"
#include "training/trainer.h"

namespace hyprstream::training {
namespace {

using namespace hyprstream::testing;

struct Golden {
  std::string name;
  double clip = 0.0;
  int64_t micro_batches = 1;
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }

class TrainerGolden : public ::testing::TestWithParam<Golden> {};

std::vector<Sample> FixtureSamples() {
  const auto file =
      formats::SafetensorsFile::Open(DataPath("fixtures/train/batch_and_losses.safetensors"));
  const auto ids = file->Find("input_ids")->view;
  const auto labels = file->Find("labels")->view.As<int64_t>();
  std::vector<Sample> samples;
  for (int64_t row = 0; row < ids.shape[0]; ++row) {
    Sample& sample = samples.emplace_back();
    for (int64_t t = 0; t < ids.shape[1]; ++t) {
      const auto i = static_cast<size_t>(row * ids.shape[1] + t);
      sample.ids.push_back(static_cast<int32_t>(ids.As<int64_t>()[i]));
      sample.labels.push_back(static_cast<int32_t>(labels[i]));
    }
  }
  return samples;
}

TEST_P(TrainerGolden, TenStepsEndWherePyTorchEnds) {
  const auto want = formats::SafetensorsFile::Open(
      DataPath("fixtures/train/" + GetParam().name + ".safetensors"));
  for (const kernels::Isa isa : kernels::SupportedIsas()) {
    SCOPED_TRACE(kernels::IsaName(isa));
    Compute compute(2, isa);
    const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
    const auto dense =
        adapters::OpenAdapter(DataPath("fixtures/peft/a-all-seven"), model->config());
    Trainer trainer(model, adapters::FromDense(*dense, model->config(), model->fingerprint()),
                    {.adamw = {}, .clip = GetParam().clip});
    const std::vector<Sample> samples = FixtureSamples();
    std::vector<MicroBatch> batches(static_cast<size_t>(GetParam().micro_batches));
    const size_t each = samples.size() / batches.size();
    for (size_t i = 0; i < samples.size(); ++i) batches[i / each].samples.push_back(&samples[i]);

    const auto losses = want->Find("loss_before_step")->view.As<float>();
    const auto norms = want->Find("gradient_norm_before_clipping")->view.As<float>();
    for (size_t step = 0; step < losses.size(); ++step) {
      const StepResult result = trainer.Step(compute.context, batches, 1e-2);
      EXPECT_NEAR(result.loss, losses[step], 2e-5);
      EXPECT_NEAR(result.gradient_norm, norms[step], 1e-4 * norms[step]);
    }
    const adapters::TrainableAdapter& adapter = trainer.adapter();
    for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
      const model::ModulePlace& place = adapter.topology().places()[p].at;
      const adapters::Factors factors = adapter.Gather(p);
      const TensorView a = want->Find("final." + PeftName(place, "A"))->view;
      const TensorView b = want->Find("final." + PeftName(place, "B"))->view;
      const Tensor transposed = Transposed(b.As<float>(), b.shape[0], b.shape[1]);
      for (size_t i = 0; i < a.As<float>().size(); ++i) {
        ASSERT_NEAR(factors.a.As<float>()[i], a.As<float>()[i], 5e-5) << PeftName(place, "A");
      }
      for (size_t i = 0; i < b.As<float>().size(); ++i) {
        ASSERT_NEAR(factors.b.As<float>()[i], transposed.As<float>()[i], 5e-5)
            << PeftName(place, "B");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TrainerGolden,
                         ::testing::Values(Golden{"adamw"}, Golden{"adamw_clip1", 1.0},
                                           Golden{"adamw_accumulate2x2", 0.0, 2}));

}  // namespace
}  // namespace hyprstream::training
