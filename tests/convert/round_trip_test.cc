// There and back: what was safetensors comes back bit for bit, under its names, with a
// configuration that says the same; and in between it answers alike.
#include <gtest/gtest.h>

#include "convert/converting.h"

namespace hyprstream::convert {
namespace {

using namespace hyprstream::testing;

struct Case {
  const char* model;
  int32_t tokens = 24;
};

class RoundTrip : public ::testing::TestWithParam<Case> {};

TEST_P(RoundTrip, ComesBackBitForBit) {
  Converting converting;
  const auto source = DataPath(std::string("fixtures/") + GetParam().model);
  const auto gguf = converting.ToGguf(source, "there");
  const auto back = converting.ToSafetensors(gguf, "back");
  const auto before = formats::ModelFiles::Open(source), after = formats::ModelFiles::Open(back);
  EXPECT_EQ(before->tensors().size(), after->tensors().size());
  for (const auto& [name, view] : before->tensors()) {
    const TensorView* found = after->Find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->dtype, view.dtype) << name;
    EXPECT_EQ(found->shape, view.shape) << name;
    EXPECT_TRUE(std::ranges::equal(found->bytes, view.bytes)) << name;
  }
}

TEST_P(RoundTrip, AnswersAsBeforeAtEveryStep) {
  Converting converting;
  const auto source = DataPath(std::string("fixtures/") + GetParam().model);
  const Tensor before = LogitsOf(source, GetParam().tokens);
  const auto gguf = converting.ToGguf(source, "there");
  const auto close = [&](const std::filesystem::path& model) {
    // Frequencies of rotation that went through factors of f32 differ in the last bit.
    return MaxDifference(before.As<float>(), LogitsOf(model, GetParam().tokens).As<float>()) <=
           1e-4f;
  };
  EXPECT_TRUE(close(gguf));
  EXPECT_TRUE(close(converting.ToSafetensors(gguf, "back")));
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, RoundTrip,
    ::testing::Values(Case{"qwen3-untied"}, Case{"qwen3-tied/f32"}, Case{"qwen3-tied/bf16"},
                      Case{"qwen3-tied/f16"}, Case{"qwen3-tied/sharded"}, Case{"qwen2-bias"},
                      Case{"llama-linear"}, Case{"llama-llama3rope", 100}, Case{"qwen3-yarn"},
                      Case{"qwen3-moe"}, Case{"mistral-sliding", 16},  // its window: GGUF has none
                      Case{"gguf/qwen3-gguf"}, Case{"gguf/llama-gguf"}),
    [](const auto& test) { return NameOfCase(test.param.model); });

struct TypeCase {
  DType type;
  double tolerance;  // relative, of the logits of a random model of three layers
};

class Quantised : public ::testing::TestWithParam<TypeCase> {};

TEST_P(Quantised, AnswersWithinTheTypesTolerance) {
  Converting converting;
  const auto source = SourcePath("models/willowbrook");
  const Tensor before = LogitsOf(source);
  const Tensor after = LogitsOf(converting.ToGguf(source, "small", {.target = GetParam().type}));
  const double difference = RelativeDifference(before, after);
  EXPECT_LE(difference, GetParam().tolerance);
  EXPECT_GT(difference, GetParam().tolerance / 20);  // else nothing was rounded
}

// Of the logits' size on willowbrook; see docs/conversion.md.
INSTANTIATE_TEST_SUITE_P(
    Willowbrook, Quantised,
    ::testing::Values(TypeCase{DType::kQ8_0, 0.03}, TypeCase{DType::kQ6_K, 0.06},
                      TypeCase{DType::kQ5_K, 0.12}, TypeCase{DType::kQ5_0, 0.15},
                      TypeCase{DType::kQ4_K, 0.25}, TypeCase{DType::kQ4_0, 0.3}),
    [](const auto& test) { return std::string(Name(test.param.type)); });

/// Every tensor and every key as gguf-py writes them of the same model.
TEST(ConvertToGguf, IsWhatGgufPyWritesOfTheSameModel) {
  for (const std::string name : {"qwen3-gguf", "llama-gguf"}) {
    SCOPED_TRACE(name);
    Converting converting;
    const auto golden =
        formats::GgufFile::Open(DataPath("fixtures/gguf/" + name + "/model-F32.gguf"));
    const auto got =
        formats::GgufFile::Open(converting.ToGguf(DataPath("fixtures/gguf/" + name), "got"));
    ASSERT_EQ(got->tensors().size(), golden->tensors().size());
    for (const formats::NamedTensor& tensor : golden->tensors()) {
      const formats::NamedTensor* found = got->Find(tensor.name);
      ASSERT_NE(found, nullptr) << tensor.name;
      EXPECT_EQ(found->view.dtype, tensor.view.dtype) << tensor.name;
      EXPECT_TRUE(std::ranges::equal(found->view.bytes, tensor.view.bytes)) << tensor.name;
    }
  }
}

}  // namespace
}  // namespace hyprstream::convert
