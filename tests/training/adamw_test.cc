#include "training/adamw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "formats/safetensors.h"
#include "support/data.h"

namespace hyprstream::training {
namespace {

// PyTorch's optimiser step by step; one gradient entry is 1e-9, where epsilon decides.
TEST(AdamW, EqualsTheReferenceStepByStep) {
  const auto file =
      formats::SafetensorsFile::Open(testing::DataPath("fixtures/ops/adamw.safetensors"));
  for (const std::string name : {"default", "b99"}) {
    const auto read = [&](const std::string& field) {
      return file->Find(name + "." + field)->view.As<float>();
    };
    const auto numbers = read("lr_beta1_beta2_eps_decay");
    const AdamWOptions options{.beta1 = numbers[1],
                               .beta2 = numbers[2],
                               .epsilon = numbers[3],
                               .weight_decay = numbers[4]};
    const auto start = read("start");
    std::vector<float> weights(start.begin(), start.end());
    std::vector<float> first(weights.size()), second(weights.size());
    const auto gradients = read("gradients");
    const auto expected = read("after_each_step");
    for (size_t step = 0; step < gradients.size() / weights.size(); ++step) {
      UpdateAdamW(AdamWStep(options, numbers[0], static_cast<int64_t>(step) + 1), 1.0f,
                  gradients.subspan(step * weights.size(), weights.size()), weights, first, second);
      for (size_t i = 0; i < weights.size(); ++i) {
        const float want = expected[step * weights.size() + i];
        ASSERT_NEAR(weights[i], want, 2e-6 + 2e-5 * std::abs(want)) << name << " step " << step;
      }
    }
  }
}

TEST(AdamW, ScalesTheGradientBeforeTheMoments) {
  const AdamWStep step({}, 1e-2, 1);
  std::vector<float> a{1.0f}, am{0.0f}, av{0.0f};
  std::vector<float> b = a, bm = am, bv = av;
  UpdateAdamW(step, 0.25f, std::vector<float>{4.0f}, a, am, av);
  UpdateAdamW(step, 1.0f, std::vector<float>{1.0f}, b, bm, bv);
  EXPECT_EQ(a, b);
  EXPECT_EQ(am, bm);
  EXPECT_EQ(av, bv);
}

TEST(AdamW, LeavesPaddingZero) {
  std::vector<float> weights(512), first(512), second(512);
  const std::vector<float> gradient(512);
  for (int64_t t = 1; t <= 10; ++t) {
    UpdateAdamW(AdamWStep({}, 1e-2, t), 1.0f, gradient, weights, first, second);
  }
  EXPECT_TRUE(std::all_of(weights.begin(), weights.end(), [](float w) { return w == 0.0f; }));
}

}  // namespace
}  // namespace hyprstream::training
