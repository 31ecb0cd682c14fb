// A safetensors base merged into GGUF: llama.cpp's names, order of rows and metadata as files of
// gguf-py have them, and the answers of the base with the adapter beside it.
#include <gtest/gtest.h>

#include "adapters/merging.h"

namespace hyprstream::adapters {
namespace {

using namespace hyprstream::testing;

struct GgufCase {
  const char* base;
  int32_t tokens = 24;
};

class MergedIntoGguf : public ::testing::TestWithParam<GgufCase> {};

TEST_P(MergedIntoGguf, AnswersAsBaseWithAdapter) {
  const Merging merging(DataPath(std::string("fixtures/") + GetParam().base), {.scale = 1.5},
                        GetParam().tokens);
  const MergeResult result = merging.WriteGguf(MergeType::kF32);
  EXPECT_GT(result.changed, 0);
  EXPECT_EQ(result.widened, 0);
  const Tensor beside = merging.LogitsBeside();
  EXPECT_LE(Difference(merging.LogitsMerged(), beside), kExactTolerance);
  EXPECT_GT(Difference(merging.LogitsOfBase(), beside), 100 * kExactTolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, MergedIntoGguf,
    ::testing::Values(GgufCase{"qwen3-untied"}, GgufCase{"qwen3-tied/bf16"},
                      GgufCase{"qwen3-tied/sharded"}, GgufCase{"qwen2-bias"},
                      GgufCase{"llama-linear"}, GgufCase{"llama-llama3rope", 100},
                      GgufCase{"qwen3-yarn"}, GgufCase{"qwen3-moe"},
                      GgufCase{"mistral-sliding", 16},  // its window: GGUF has none
                      GgufCase{"gguf/qwen3-gguf"}, GgufCase{"gguf/llama-gguf"}),
    [](const auto& test) {
      std::string name = test.param.base;
      for (char& c : name) c = c == '-' || c == '/' ? '_' : c;
      return name;
    });

/// Tensors that the adapter does not touch, byte for byte, and every key of the metadata, against a
/// file that gguf-py wrote of the same model.
TEST(MergedIntoGguf, IsWhatGgufPyWritesOfTheSameModel) {
  for (const std::string name : {"qwen3-gguf", "llama-gguf"}) {
    SCOPED_TRACE(name);
    const Merging merging(DataPath("fixtures/gguf/" + name),
                          {.kind = AdapterKind::kLora, .rank = 2, .targets = {model::Module::kV}});
    merging.WriteGguf(MergeType::kAsBase);
    const auto golden =
        formats::GgufFile::Open(DataPath("fixtures/gguf/" + name + "/model-F32.gguf"));
    const auto got = formats::GgufFile::Open(merging.merged());
    size_t compared = 0;
    for (const auto& [key, value] : golden->metadata()) {
      // The fixtures' tokenizer lies beside one of them, and says nothing of these ids.
      const bool roles = key.ends_with("_token_id");
      if (key == "general.name" || roles || (name == "llama-gguf" && key.starts_with("tokenizer.")))
        continue;
      const formats::GgufValue* found = got->Get(key);
      ASSERT_NE(found, nullptr) << key;
      EXPECT_EQ(found->type, value.type) << key;
      EXPECT_TRUE(found->value == value.value) << key;
      ++compared;
    }
    EXPECT_GE(compared, 13u);
    ASSERT_EQ(got->tensors().size(), golden->tensors().size());
    for (const formats::NamedTensor& tensor : golden->tensors()) {
      const formats::NamedTensor* found = got->Find(tensor.name);
      ASSERT_NE(found, nullptr) << tensor.name;
      EXPECT_EQ(found->view.shape, tensor.view.shape) << tensor.name;
      EXPECT_EQ(found->view.dtype, tensor.view.dtype) << tensor.name;
      const bool same = std::ranges::equal(found->view.bytes, tensor.view.bytes);
      EXPECT_EQ(same, tensor.name.find("attn_v") == std::string::npos) << tensor.name;
    }
  }
}

TEST(MergedIntoGguf, TypesAreTheBasesUnlessAskedFor) {
  const Merging merging(SourcePath("models/willowbrook"), {});
  merging.WriteGguf(MergeType::kAsBase);
  const auto file = formats::GgufFile::Open(merging.merged());
  EXPECT_EQ(file->GetUint("general.file_type"), 32u);
  for (const formats::NamedTensor& tensor : file->tensors()) {
    EXPECT_EQ(tensor.view.dtype, tensor.view.shape.rank() == 1 ? DType::kF32 : DType::kBF16)
        << tensor.name;
  }
  EXPECT_EQ(*file->GetString("tokenizer.ggml.pre"), "qwen2");
  EXPECT_EQ(file->GetUint("tokenizer.ggml.eos_token_id"), 4095u);
  EXPECT_NE(file->GetString("tokenizer.chat_template")->find("<|im_start|>"), std::string::npos);
}

TEST(MergedIntoGguf, AModelWithoutATokenizerSaysSo) {
  const Merging merging(DataPath("fixtures/qwen3-untied"), {});
  merging.WriteGguf(MergeType::kF32);
  EXPECT_EQ(*formats::GgufFile::Open(merging.merged())->GetString("tokenizer.ggml.model"), "none");
}

TEST(MergedIntoGguf, WhatGgufCannotSayIsRefused) {
  const auto metadata_of = [](const std::function<void(model::ModelConfig&)>& change) {
    model::ModelConfig config =
        model::ReadConfig(*formats::ModelFiles::Open(DataPath("fixtures/qwen3-moe")));
    change(config);
    return ErrorOf([&] { model::ArchitectureMetadata(config); })->code();
  };
  using Config = model::ModelConfig;
  EXPECT_EQ(metadata_of([](Config& c) { c.rope.kind = model::RopeKind::kDynamic; }),
            ErrorCode::kUnsupported);
  EXPECT_EQ(metadata_of([](Config& c) { c.moe.norm_topk_prob = false; }), ErrorCode::kUnsupported);
  EXPECT_EQ(metadata_of([](Config& c) { c.sparse_layer[0] = false; }), ErrorCode::kUnsupported);
  EXPECT_EQ(metadata_of([](Config& c) {
              c.rope.kind = model::RopeKind::kYarn;
              c.rope.attention_factor = 1.5;
            }),
            ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace hyprstream::adapters
