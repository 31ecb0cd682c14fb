// Every golden model against the numbers PyTorch gives for it. Tolerances: docs/numerics.md.
#include <gtest/gtest.h>

#include "model/harness.h"

namespace hyprstream {
namespace {

using namespace hyprstream::testing;

constexpr float kLogitTolerance = 1e-4f;  // 5 times the reference's own f32 rounding

struct Golden {
  std::string model;     // below tests/data/
  std::string expected;  // below tests/data/
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.model; }

class GoldenLogits : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenLogits, EqualTheReferenceOnEveryInstructionSet) {
  const auto expected = formats::SafetensorsFile::Open(DataPath(GetParam().expected));
  const std::vector<int32_t> ids = ReadIds(expected->Find("input_ids")->view);
  const std::span<const float> want = expected->Find("logits")->view.As<float>();
  for (const kernels::Isa isa : kernels::SupportedIsas()) {
    Compute compute(2, isa);
    const auto model = LoadExact(DataPath(GetParam().model), compute.context);
    const Tensor got = RunModel(*model, compute.context, ids);
    EXPECT_LE(MaxDifference(got.As<float>(), want), kLogitTolerance) << kernels::IsaName(isa);
  }
}

TEST_P(GoldenLogits, DoNotDependOnHowThePromptIsCut) {
  const auto expected = formats::SafetensorsFile::Open(DataPath(GetParam().expected));
  const std::vector<int32_t> ids = ReadIds(expected->Find("input_ids")->view);
  for (const ops::Arithmetic arithmetic : {ops::Arithmetic::kExact, ops::Arithmetic::kServing}) {
    Compute compute(2);
    Compute alone(1);
    const auto files = formats::ModelFiles::Open(DataPath(GetParam().model));
    const auto model = model::Model::Load(files, compute.context, {.arithmetic = arithmetic});
    for (const DType cache : {DType::kF32, DType::kBF16}) {
      const Tensor whole = RunModel(*model, compute.context, ids, {.cache = cache});
      for (const int64_t step : {1, 7}) {
        const Tensor cut = RunModel(*model, alone.context, ids, {.step = step, .cache = cache});
        EXPECT_EQ(MaxDifference(cut.As<float>(), whole.As<float>()), 0.0f) << "step " << step;
      }
    }
  }
}

const Golden kGolden[] = {
    {"fixtures/qwen3-untied", "fixtures/qwen3-untied/expected.safetensors"},
    {"fixtures/qwen3-tied/bf16", "fixtures/qwen3-tied/bf16/expected.safetensors"},
    {"fixtures/qwen3-tied/f16", "fixtures/qwen3-tied/f16/expected.safetensors"},
    {"fixtures/qwen3-tied/f32", "fixtures/qwen3-tied/f32/expected.safetensors"},
    {"fixtures/qwen3-tied/sharded", "fixtures/qwen3-tied/sharded/expected.safetensors"},
    {"fixtures/qwen2-bias", "fixtures/qwen2-bias/expected.safetensors"},
    {"fixtures/llama-llama3rope", "fixtures/llama-llama3rope/expected.safetensors"},
    {"fixtures/llama-linear", "fixtures/llama-linear/expected.safetensors"},
    {"fixtures/qwen3-yarn", "fixtures/qwen3-yarn/expected.safetensors"},
    {"fixtures/mistral-sliding", "fixtures/mistral-sliding/expected.safetensors"},
    {"fixtures/qwen3-moe", "fixtures/qwen3-moe/expected.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-F32.gguf", "fixtures/gguf/qwen3-gguf/expected.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-F16.gguf",
     "fixtures/gguf/qwen3-gguf/expected-F16.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-BF16.gguf",
     "fixtures/gguf/qwen3-gguf/expected-BF16.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-Q8_0.gguf",
     "fixtures/gguf/qwen3-gguf/expected-Q8_0.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-Q5_1.gguf",
     "fixtures/gguf/qwen3-gguf/expected-Q5_1.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-Q5_0.gguf",
     "fixtures/gguf/qwen3-gguf/expected-Q5_0.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-Q4_1.gguf",
     "fixtures/gguf/qwen3-gguf/expected-Q4_1.safetensors"},
    {"fixtures/gguf/qwen3-gguf/model-Q4_0.gguf",
     "fixtures/gguf/qwen3-gguf/expected-Q4_0.safetensors"},
    {"fixtures/gguf/qwen3-untied-F32.gguf", "fixtures/qwen3-untied/expected.safetensors"},
    {"fixtures/gguf/qwen3-kquant-Q4_K_M.gguf",
     "fixtures/gguf/qwen3-kquant-Q4_K_M.expected.safetensors"},
    {"fixtures/gguf/llama-gguf/model-F32.gguf", "fixtures/gguf/llama-gguf/expected.safetensors"},
    {"fixtures/gguf/llama-gguf/model-llama3rope-Q8_0.gguf",
     "fixtures/gguf/llama-gguf/expected-llama3rope-Q8_0.safetensors"},
    {"llama-dynamic", "llama-dynamic/short.safetensors"},
    {"llama-dynamic", "llama-dynamic/long.safetensors"},
};

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenLogits, ::testing::ValuesIn(kGolden));

TEST(QwenTied, GivesEqualBitsWhateverTheStoredType) {
  Compute compute;
  const auto expected =
      formats::SafetensorsFile::Open(DataPath("fixtures/qwen3-tied/f32/expected.safetensors"));
  const std::vector<int32_t> ids = ReadIds(expected->Find("input_ids")->view);
  const auto reference = LoadExact(DataPath("fixtures/qwen3-tied/f32"), compute.context);
  const Tensor want = RunModel(*reference, compute.context, ids);
  for (const char* variant : {"bf16", "f16", "sharded"}) {
    const auto model =
        LoadExact(DataPath(std::string("fixtures/qwen3-tied/") + variant), compute.context);
    const Tensor got = RunModel(*model, compute.context, ids);
    EXPECT_EQ(MaxDifference(got.As<float>(), want.As<float>()), 0.0f) << variant;
  }
}

TEST(LongPrompt, EqualsTheReferenceAtEveryKeptPosition) {
  Compute compute;
  const auto expected =
      formats::SafetensorsFile::Open(DataPath("fixtures/long/expected.safetensors"));
  const std::vector<int32_t> ids = ReadIds(expected->Find("input_ids")->view);
  const std::vector<int32_t> positions = ReadIds(expected->Find("positions")->view);
  const std::span<const float> want = expected->Find("logits")->view.As<float>();
  const auto model = LoadExact(DataPath("fixtures/qwen3-tied/f32"), compute.context);
  const Tensor got = RunModel(*model, compute.context, ids, {.step = 128});
  const auto vocab = static_cast<size_t>(model->config().vocab_size);
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto row = got.As<float>().subspan(static_cast<size_t>(positions[i]) * vocab, vocab);
    EXPECT_LE(MaxDifference(row, want.subspan(i * vocab, vocab)), kLogitTolerance) << positions[i];
  }
}

TEST(HiddenStates, EqualTheReferenceLayerByLayer) {
  Compute compute;
  const auto expected =
      formats::SafetensorsFile::Open(DataPath("fixtures/qwen3-untied/expected.safetensors"));
  const auto intermediates =
      formats::SafetensorsFile::Open(DataPath("fixtures/qwen3-untied/intermediates.safetensors"));
  const std::vector<int32_t> ids = ReadIds(expected->Find("input_ids")->view);
  const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  int seen = 0;
  const model::Observer observer = [&](std::string_view what, int64_t layer, ConstMatrix values) {
    std::string name(what == "embedding" ? "embed" : what);
    if (what == "layer") name += "." + std::to_string(layer) + ".out";
    const formats::NamedTensor* want = intermediates->Find(name);
    ASSERT_NE(want, nullptr) << name;
    const std::span<const float> got(values.data, static_cast<size_t>(values.rows * values.cols));
    EXPECT_LE(MaxDifference(got, want->view.As<float>()), kLogitTolerance) << name;
    ++seen;
  };
  RunModel(*model, compute.context, ids, {.observer = &observer});
  EXPECT_EQ(seen, model->config().num_hidden_layers + 2);
}

}  // namespace
}  // namespace hyprstream
