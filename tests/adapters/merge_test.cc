// A merged model answers as the base with the adapter beside it does.
#include <gtest/gtest.h>

#include "adapters/merging.h"

namespace hyprstream::adapters {
namespace {

using namespace hyprstream::testing;
namespace fs = std::filesystem;

class MergedSafetensors : public ::testing::TestWithParam<const char*> {};

TEST_P(MergedSafetensors, AnswersAsBaseWithAdapter) {
  const Merging merging(DataPath(std::string("fixtures/") + GetParam()), {.scale = 1.5});
  const MergeResult result = merging.WriteSafetensors();
  EXPECT_GT(result.changed, 0);
  EXPECT_EQ(result.widened, 0);
  const Tensor beside = merging.LogitsBeside();
  EXPECT_LE(Difference(merging.LogitsMerged(), beside), kExactTolerance);
  EXPECT_GT(Difference(merging.LogitsOfBase(), beside), 100 * kExactTolerance);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MergedSafetensors,
                         ::testing::Values("qwen3-untied", "qwen2-bias", "llama-linear",
                                           "mistral-sliding", "qwen3-moe"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

struct GgufCase {
  const char* name;
  const char* file;
  float tolerance;  // relative to the largest logit
  bool quantised;
};

class MergedGguf : public ::testing::TestWithParam<GgufCase> {};

TEST_P(MergedGguf, AnswersAsBaseWithAdapter) {
  const Merging merging(DataPath(std::string("fixtures/gguf/") + GetParam().file), {.scale = 1.5});
  const MergeResult result = merging.WriteGguf();
  EXPECT_EQ(result.widened, GetParam().quantised ? result.changed : 0);
  const Tensor beside = merging.LogitsBeside();
  const float tolerance = GetParam().tolerance * Largest(beside);
  EXPECT_LE(Difference(merging.LogitsMerged(), beside), tolerance);
  EXPECT_GT(Difference(merging.LogitsOfBase(), beside), 2 * tolerance);
  const auto read = formats::GgufFile::Open(merging.merged());
  EXPECT_EQ(read->metadata().size(), merging.files().gguf()->metadata().size());
}

// F16 rounds each merged weight by up to 2^-11 of itself, BF16 by 2^-8; two layers of random
// weights make four times that of it.
constexpr float kF32Tolerance = 1e-5f;
constexpr float kF16Tolerance = 0x4p-11f;
constexpr float kBF16Tolerance = 0x4p-8f;
INSTANTIATE_TEST_SUITE_P(
    Files, MergedGguf,
    ::testing::Values(GgufCase{"F32", "qwen3-gguf/model-F32.gguf", kF32Tolerance, false},
                      GgufCase{"F16", "qwen3-gguf/model-F16.gguf", kF16Tolerance, false},
                      GgufCase{"BF16", "qwen3-gguf/model-BF16.gguf", kBF16Tolerance, false},
                      GgufCase{"Q8_0", "qwen3-gguf/model-Q8_0.gguf", kF16Tolerance, true},
                      GgufCase{"Q4_K", "qwen3-kquant-Q4_K_M.gguf", kF16Tolerance, true},
                      GgufCase{"LlamasPairedRows", "llama-gguf/model-F32.gguf", kF32Tolerance,
                               false}),
    [](const auto& test) { return test.param.name; });

TEST(Merged, KeepsWhatLiesBesideTheWeights) {
  const Merging merging(SourcePath("models/willowbrook"), {});
  merging.WriteSafetensors();
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}) {
    EXPECT_EQ(ReadAll(merging.merged() / name), ReadAll(SourcePath("models/willowbrook") / name));
  }
  const auto base =
      formats::SafetensorsFile::Open(SourcePath("models/willowbrook/model.safetensors"));
  const auto merged = formats::SafetensorsFile::Open(merging.merged() / "model.safetensors");
  ASSERT_EQ(base->tensors().size(), merged->tensors().size());
  for (const formats::NamedTensor& tensor : base->tensors()) {
    EXPECT_EQ(merged->Find(tensor.name)->view.dtype, tensor.view.dtype) << tensor.name;
  }
}

TEST(Merged, NothingIsRoundedInF32) {
  const Merging narrow(SourcePath("models/willowbrook"), {});
  narrow.WriteSafetensors(MergeType::kF32);
  EXPECT_LE(Difference(narrow.LogitsMerged(), narrow.LogitsBeside()), kExactTolerance);
  EXPECT_NE(ReadAll(narrow.merged() / "config.json").find(R"("dtype":"float32")"),
            std::string::npos);
  const Merging quantised(DataPath("fixtures/gguf/qwen3-kquant-Q4_K_M.gguf"), {});
  quantised.WriteGguf(MergeType::kF32);
  EXPECT_LE(Difference(quantised.LogitsMerged(), quantised.LogitsBeside()), kExactTolerance);
}

TEST(Merged, RefusesWhatDoesNotFitTheType) {
  const Merging merging(DataPath("fixtures/gguf/qwen3-gguf/model-F16.gguf"), {.size = 1e3f});
  EXPECT_EQ(ErrorOf([&] { merging.WriteGguf(); })->code(), ErrorCode::kUnsupported);
  EXPECT_FALSE(fs::exists(merging.merged()));
}

TEST(Merged, RefusesToTurnGgufIntoSafetensors) {
  const Merging gguf(DataPath("fixtures/gguf/qwen3-gguf/model-F32.gguf"), {});
  EXPECT_EQ(ErrorOf([&] { gguf.WriteSafetensors(); })->code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace hyprstream::adapters
