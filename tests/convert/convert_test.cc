// What a conversion writes beside the numbers, and what it refuses.
#include <gtest/gtest.h>

#include <limits>

#include "convert/converting.h"
#include "convert/layout.h"
#include "convert/recipe.h"
#include "text/tokenizer.h"

namespace hyprstream::convert {
namespace {

using namespace hyprstream::testing;
using formats::GgufFile;
namespace fs = std::filesystem;

TEST(Convert, TheVocabularyAndTheTemplateTravelBothWays) {
  Converting converting;
  const fs::path source = SourcePath("models/willowbrook");
  const fs::path gguf = converting.ToGguf(source, "village");
  const auto file = GgufFile::Open(gguf);
  EXPECT_EQ(*file->GetString("tokenizer.ggml.pre"), "qwen2");
  EXPECT_EQ(file->GetUint("tokenizer.ggml.eos_token_id"), 4095u);
  EXPECT_EQ(file->GetUint("tokenizer.ggml.eot_token_id"), 4093u);
  const fs::path back = converting.ToSafetensors(gguf, "back");
  const std::string text = "Once, in Willowbrook, <|im_start|>nobody's café said: 1234\n\n  yes.";
  const auto before = text::Tokenizer::FromPath(source);
  EXPECT_EQ(text::Tokenizer::FromPath(gguf)->Encode(text), before->Encode(text));
  EXPECT_EQ(text::Tokenizer::FromPath(back)->Encode(text), before->Encode(text));
  const std::string config = ReadAll(back / "tokenizer_config.json");
  EXPECT_NE(config.find("<|im_start|>' + message.role"), std::string::npos);
}

TEST(Convert, TheConfigurationComesBackAsItWas) {
  for (const char* name : {"qwen3-untied", "qwen3-tied/bf16", "qwen2-bias", "llama-linear",
                           "llama-llama3rope", "qwen3-yarn", "qwen3-moe", "gguf/llama-gguf"}) {
    SCOPED_TRACE(name);
    Converting converting;
    const fs::path source = DataPath(std::string("fixtures/") + name);
    const auto before = model::ReadConfig(*formats::ModelFiles::Open(source));
    const auto after = model::ReadConfig(*formats::ModelFiles::Open(
        converting.ToSafetensors(converting.ToGguf(source, "there"), "back")));
    EXPECT_EQ(after.family, before.family);
    EXPECT_EQ(after.hidden_size, before.hidden_size);
    EXPECT_EQ(after.head_dim, before.head_dim);
    EXPECT_EQ(after.num_key_value_heads, before.num_key_value_heads);
    EXPECT_EQ(after.max_position_embeddings, before.max_position_embeddings);
    EXPECT_EQ(after.rms_norm_eps, before.rms_norm_eps);
    EXPECT_EQ(after.tie_word_embeddings, before.tie_word_embeddings);
    EXPECT_EQ(after.qkv_bias, before.qkv_bias);
    EXPECT_EQ(after.rope.kind, before.rope.kind);
    EXPECT_EQ(after.rope.theta, before.rope.theta);
    EXPECT_FLOAT_EQ(static_cast<float>(after.rope.factor), static_cast<float>(before.rope.factor));
    EXPECT_EQ(after.moe.experts, before.moe.experts);
    EXPECT_EQ(after.moe.norm_topk_prob, before.moe.norm_topk_prob);
    EXPECT_EQ(after.eos_ids, before.eos_ids);
    const std::string text = ReadAll(converting.folder() / "back/config.json");
    EXPECT_EQ(text.find("9.99999"), std::string::npos);  // 1e-5 as it was written
  }
}

TEST(Convert, PlainTypesReachEveryTensor) {
  Converting converting;
  const fs::path source = SourcePath("models/willowbrook");
  converting.ToSafetensors(source, "half", {.target = DType::kF16});
  EXPECT_EQ(converting.last().tensors.size(), 1u);
  EXPECT_EQ(converting.last().tensors.begin()->first, DType::kF16);
  EXPECT_NE(ReadAll(converting.folder() / "half/config.json").find("\"dtype\":\"float16\""),
            std::string::npos);
  converting.ToGguf(source, "half", {.target = DType::kF16});
  const auto file = GgufFile::Open(converting.folder() / "half.gguf");
  for (const auto& tensor : file->tensors()) {
    EXPECT_EQ(tensor.view.dtype, tensor.view.shape.rank() == 1 ? DType::kF32 : DType::kF16);
  }
}

TEST(Convert, AMixGivesTheDelicateMatricesMoreBits) {
  Converting converting;
  const auto file = GgufFile::Open(
      converting.ToGguf(SourcePath("models/willowbrook"), "mix", {.target = DType::kQ4_K}));
  const auto type = [&](const char* name) { return file->Find(name)->view.dtype; };
  EXPECT_EQ(type("token_embd.weight"), DType::kQ6_K);  // it is the head too
  EXPECT_EQ(type("blk.0.attn_q.weight"), DType::kQ4_K);
  EXPECT_EQ(type("blk.2.ffn_down.weight"), DType::kQ6_K);
  EXPECT_EQ(type("blk.3.attn_v.weight"), DType::kQ4_K);
  EXPECT_EQ(type("blk.0.attn_norm.weight"), DType::kF32);
  EXPECT_EQ(file->GetUint("general.file_type"), 15u);
}

TEST(Convert, RowsThatAreNoWholeBlocksTakeSmallerOnes) {
  const auto type = [](DType target, int64_t cols) {
    const LaidTensor tensor{
        .name = "blk.0.attn_q.weight", .shape = {8, cols}, .parts = {}, .layer = 0};
    return Recipe(target, 24, true).ForGguf(tensor);
  };
  EXPECT_EQ(type(DType::kQ4_K, 512), DType::kQ4_K);
  EXPECT_EQ(type(DType::kQ4_K, 576), DType::kQ5_0);
  EXPECT_EQ(type(DType::kQ5_K, 576), DType::kQ5_1);
  EXPECT_EQ(type(DType::kQ6_K, 576), DType::kQ8_0);
  EXPECT_EQ(type(DType::kQ6_K, 100), DType::kF16);
  EXPECT_EQ(type(DType::kQ8_0, 100), DType::kF16);
}

/// Everything that two models hold, tensor by tensor.
void ExpectSameTensors(const fs::path& one, const fs::path& other) {
  const auto a = formats::ModelFiles::Open(one), b = formats::ModelFiles::Open(other);
  ASSERT_EQ(a->tensors().size(), b->tensors().size());
  for (const auto& [name, view] : a->tensors()) {
    ASSERT_NE(b->Find(name), nullptr) << name;
    EXPECT_EQ(b->Find(name)->dtype, view.dtype) << name;
    EXPECT_TRUE(std::ranges::equal(b->Find(name)->bytes, view.bytes)) << name;
  }
}

TEST(Convert, ShardsHoldTheSameAndAreJoinedAgain) {
  Converting converting;
  const fs::path source = SourcePath("models/willowbrook");
  const ConvertOptions cut{.shard_limit = {3 << 20}};
  converting.ToSafetensors(source, "cut", cut);
  EXPECT_EQ(converting.last().files, 5u);
  EXPECT_FALSE(fs::exists(converting.folder() / "cut/model.safetensors"));
  ExpectSameTensors(source, converting.folder() / "cut");
  ExpectSameTensors(source, converting.ToSafetensors(converting.folder() / "cut", "joined"));

  const fs::path whole = converting.ToGguf(source, "whole");
  converting.ToGguf(source, "parts", cut);
  EXPECT_EQ(converting.last().files, 4u);
  const fs::path first = converting.folder() / "parts-00001-of-00004.gguf";
  ExpectSameTensors(whole, first);
  const auto part = GgufFile::Open(converting.folder() / "parts-00002-of-00004.gguf");
  // llama.cpp takes no other type of number here.
  EXPECT_EQ(part->Get("split.no")->type, 2u);
  EXPECT_EQ(part->Get("split.count")->type, 2u);
  EXPECT_EQ(part->Get("split.tensors.count")->type, 5u);
  ExpectSameTensors(whole, converting.ToGguf(first, "joined"));
  EXPECT_EQ(GgufFile::Open(converting.folder() / "joined.gguf")->Get("split.count"), nullptr);
}

TEST(Convert, BytesDoNotDependOnTheNumberOfThreads) {
  const TemporaryFolder folder;
  const auto source = formats::ModelFiles::Open(SourcePath("models/willowbrook"));
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    ConvertToGguf(*source, folder / (std::to_string(threads) + ".gguf"), pool,
                  {.target = DType::kQ5_K});
  }
  const auto tensors = [&](const char* name) { return GgufFile::Open(folder / name); };
  const auto one = tensors("1.gguf");
  for (const char* other : {"2.gguf", "5.gguf"}) {
    const auto file = tensors(other);
    for (size_t i = 0; i < one->tensors().size(); ++i) {
      EXPECT_TRUE(std::ranges::equal(one->tensors()[i].view.bytes, file->tensors()[i].view.bytes));
    }
  }
}

TEST(Convert, ProgressEndsAtWhatWasWritten) {
  Converting converting;
  std::vector<ProgressUpdate> updates;
  converting.ToGguf(SourcePath("models/willowbrook"), "told",
                    {.target = DType::kQ8_0,
                     .progress = [&](const ProgressUpdate& update) { updates.push_back(update); }});
  ASSERT_FALSE(updates.empty());
  EXPECT_EQ(updates.back().done, updates.back().total);
  EXPECT_EQ(updates.back().total, converting.last().bytes.value);
}

/// A copy of a fixture with one number changed.
fs::path WithValue(const TemporaryFolder& folder, const std::string& tensor, size_t at,
                   float value) {
  const fs::path source = DataPath("fixtures/qwen3-untied");
  const auto file = formats::SafetensorsFile::Open(source / "model.safetensors");
  std::string bytes = ReadAll(source / "model.safetensors");
  const auto* begin = file->Find(tensor)->view.bytes.data();
  const auto offset = static_cast<size_t>(begin - file->file().bytes().data());
  std::memcpy(bytes.data() + offset + at * sizeof(float), &value, sizeof(float));
  fs::create_directories(folder / "bad");
  fs::copy_file(source / "config.json", folder / "bad/config.json",
                fs::copy_options::overwrite_existing);
  WriteAll(folder / "bad/model.safetensors", bytes);
  return folder / "bad";
}

TEST(Convert, ANumberThatIsNoneIsNamedWithItsPlace) {
  const TemporaryFolder folder;
  const std::string tensor = "model.layers.1.mlp.up_proj.weight";
  const auto cols =
      formats::ModelFiles::Open(DataPath("fixtures/qwen3-untied"))->Find(tensor)->cols();
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 1e6f}) {
    Converting converting;
    const fs::path bad = WithValue(folder, tensor, static_cast<size_t>(3 * cols + 5), value);
    const auto error = ErrorOf([&] { converting.ToGguf(bad, "bad", {.target = DType::kF16}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), value == 1e6f ? ErrorCode::kUnsupported : ErrorCode::kDataLoss);
    EXPECT_NE(std::string(error->what()).find(tensor), std::string::npos) << error->what();
    EXPECT_NE(std::string(error->what()).find("row 3, column 5"), std::string::npos);
    EXPECT_TRUE(fs::is_empty(converting.folder().path()));  // nothing is left behind
    EXPECT_NO_THROW(value == 1e6f ? converting.ToGguf(bad, "bf16", {.target = DType::kBF16})
                                  : fs::path());
  }
}

TEST(Convert, WhatIsThereIsReplacedOnlyWhenAskedFor) {
  Converting converting;
  const fs::path source = SourcePath("models/willowbrook");
  const ConvertOptions force{.target = DType::kF32, .existing = NewFolder::Existing::kReplace};
  const fs::path gguf = converting.ToGguf(source, "model");
  const std::string before = ReadAll(gguf);
  EXPECT_EQ(ErrorOf([&] { converting.ToGguf(source, "model"); })->code(),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(ReadAll(gguf), before);
  converting.ToGguf(source, "model", force);
  EXPECT_NE(ReadAll(gguf), before);

  const fs::path folder = converting.ToSafetensors(source, "folder");
  WriteAll(folder / "mine.bin", "x");
  EXPECT_EQ(ErrorOf([&] { converting.ToSafetensors(source, "folder"); })->code(),
            ErrorCode::kAlreadyExists);
  EXPECT_TRUE(fs::exists(folder / "mine.bin"));
  converting.ToSafetensors(source, "folder", force);
  EXPECT_FALSE(fs::exists(folder / "mine.bin"));
  EXPECT_EQ(formats::ModelFiles::Open(folder)->tensors().begin()->second.dtype, DType::kF32);
}

TEST(Convert, OntoItselfIsRefused) {
  Converting converting;
  const ConvertOptions force{.existing = NewFolder::Existing::kReplace};
  const fs::path folder = converting.ToSafetensors(SourcePath("models/willowbrook"), "model");
  const fs::path gguf = converting.ToGguf(folder, "model");
  for (const char* name : {"model", "model/../model", "."}) {
    EXPECT_EQ(ErrorOf([&] { converting.ToSafetensors(folder, name, force); })->code(),
              ErrorCode::kInvalidArgument)
        << name;
  }
  EXPECT_EQ(ErrorOf([&] { converting.ToGguf(gguf, "model", force); })->code(),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(fs::exists(folder / "model.safetensors"));
}

TEST(Convert, SafetensorsHasNoBlocks) {
  Converting converting;
  EXPECT_EQ(ErrorOf([&] {
              converting.ToSafetensors(SourcePath("models/willowbrook"), "q",
                                       {.target = DType::kQ8_0});
            })->code(),
            ErrorCode::kUnsupported);
}

TEST(Convert, BlocksBecomePlainNumbersInSafetensors) {
  Converting converting;
  const fs::path small =
      converting.ToGguf(SourcePath("models/willowbrook"), "small", {.target = DType::kQ8_0});
  const fs::path plain = converting.ToSafetensors(small, "plain", {.target = DType::kF32});
  EXPECT_LE(MaxDifference(LogitsOf(small).As<float>(), LogitsOf(plain).As<float>()), 1e-4f);
}

TEST(Convert, OnlyNamedTypesAreTargets) {
  EXPECT_EQ(ParseTargetType("Q4_K"), DType::kQ4_K);
  EXPECT_EQ(ParseTargetType("bf16"), DType::kBF16);
  for (const char* name : {"q4_1", "q2_k", "", "int4", "Q8_0 "}) {
    EXPECT_EQ(ErrorOf([&] { ParseTargetType(name); })->code(), ErrorCode::kUsage) << name;
  }
}

}  // namespace
}  // namespace hyprstream::convert
