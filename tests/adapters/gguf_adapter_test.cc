// Adapters in GGUF: where their rows belong, how strongly they act, and what is refused.
#include "adapters/gguf_adapter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "adapters/adapter_files.h"
#include "model/harness.h"

namespace hyprstream::adapters {
namespace {

using namespace hyprstream::testing;
namespace fs = std::filesystem;

Tensor RandomTensor(const Shape& shape, uint32_t seed) {
  Tensor tensor(DType::kF32, shape);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-0.3f, 0.3f);
  for (float& x : tensor.As<float>()) x = value(random);
  return tensor;
}

/// Adds scale · B·A to a tensor of an F32 model file, where it lies.
void MergeInPlace(std::string& file, const formats::GgufFile& opened, const std::string& name,
                  const Tensor& a, const Tensor& b, float scale) {
  const TensorView view = opened.Find(name)->view;
  char* at = file.data() + (view.bytes.data() - opened.file().bytes().data());
  const int64_t rank = a.shape()[0];
  for (int64_t row = 0; row < view.rows(); ++row) {
    for (int64_t col = 0; col < view.cols(); ++col, at += sizeof(float)) {
      float weight;
      std::memcpy(&weight, at, sizeof(float));
      for (int64_t r = 0; r < rank; ++r) {
        weight += scale * b.As<float>()[static_cast<size_t>(row * rank + r)] *
                  a.As<float>()[static_cast<size_t>(r * view.cols() + col)];
      }
      std::memcpy(at, &weight, sizeof(float));
    }
  }
}

// llama.cpp adds B·A to the base's rows as they lie in its file. So must we, in whatever order they
// lie there; Llama's q and k lie in another one than in Hugging Face's files.
TEST(GgufAdapter, EqualsTheModelFileWithTheAdapterMerged) {
  const TemporaryFolder folder;
  const fs::path base = DataPath("fixtures/gguf/llama-gguf/model-F32.gguf");
  const auto opened = formats::GgufFile::Open(base);
  std::string merged = ReadAll(base);
  std::vector<Tensor> values;
  std::vector<formats::NamedTensor> tensors;
  for (const char* module : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_down"}) {
    const std::string name = "blk.1." + std::string(module) + ".weight";
    const Shape& shape = opened->Find(name)->view.shape;
    const auto seed = static_cast<uint32_t>(values.size());
    const Tensor& a = values.emplace_back(RandomTensor({4, shape[1]}, seed));
    tensors.push_back({name + ".lora_a", a.view()});
    const Tensor& b = values.emplace_back(RandomTensor({shape[0], 4}, seed + 1));
    tensors.push_back({name + ".lora_b", b.view()});
    MergeInPlace(merged, *opened, name, values[seed], b, 8.0f / 4.0f);
  }
  formats::WriteGguf(folder.path() / "adapter", AdapterMetadata("llama", 8.0f), tensors);
  WriteAll(folder.path() / "merged.gguf", merged);

  Compute compute;
  const auto model = LoadExact(base, compute.context);
  const auto adapter = OpenGgufAdapter(folder.path() / "adapter", model->config());
  const std::vector<int32_t> ids = {3, 14, 15, 92, 65, 35, 89, 79};
  const Tensor plain = RunModel(*model, compute.context, ids);
  const Tensor got =
      RunModel(*model, compute.context, ids, {.adapters = {{.views = &adapter->views()}}});
  const auto merged_model = LoadExact(folder.path() / "merged.gguf", compute.context);
  const Tensor want = RunModel(*merged_model, compute.context, ids);
  EXPECT_GT(MaxDifference(plain.As<float>(), want.As<float>()), 1.0f);
  EXPECT_LE(MaxDifference(got.As<float>(), want.As<float>()), 1e-4f);
}

TEST(GgufAdapter, StackedExpertsActEachOnTheirOwn) {
  const auto config = model::ReadConfig(*formats::ModelFiles::Open(DataPath("fixtures/qwen3-moe")));
  const TemporaryFolder folder;
  const int64_t experts = config.moe.experts;
  const int64_t inner = config.moe.intermediate_size;
  const Tensor a = RandomTensor({experts, 2, config.hidden_size}, 1);
  const Tensor b = RandomTensor({experts, inner, 2}, 2);
  const std::vector<formats::NamedTensor> tensors = {{"blk.0.ffn_up_exps.weight.lora_a", a.view()},
                                                     {"blk.0.ffn_up_exps.weight.lora_b", b.view()}};
  formats::WriteGguf(folder.path() / "adapter", AdapterMetadata("qwen3moe", 0.0f), tensors);
  const auto adapter = OpenGgufAdapter(folder.path() / "adapter", config);
  for (int64_t expert = 0; expert < experts; ++expert) {
    const ops::LowRankView view = adapter->views().At(0, model::Module::kUp, expert);
    ASSERT_EQ(view.rank, 2);
    EXPECT_EQ(view.a[0], a.As<float>()[static_cast<size_t>(expert * 2 * config.hidden_size)]);
    // Alpha 0 means scale 1. The view's second row is the second column of B.
    EXPECT_EQ(view.b[inner], b.As<float>()[static_cast<size_t>(expert * inner * 2) + 1]);
  }
}

/// A small adapter for v of layer 0, and ways to spoil it.
struct Draft {
  GgufMetadata metadata = AdapterMetadata("qwen3", 8.0f);
  std::string module = "blk.0.attn_v.weight";
  std::optional<Shape> a = {};
  std::optional<Shape> b = {};
  std::string suffix_b = ".lora_b";
  float value = 0.5f;
};

class GgufDraft : public ::testing::Test {
 protected:
  std::string Refusal(const Draft& draft) {
    Write(draft);
    const auto error = ErrorOf([&] { OpenGgufAdapter(path_, config_); });
    return error ? error->what() : "";
  }
  void Write(const Draft& draft) {
    const int64_t out = config_.num_key_value_heads * config_.head_dim;
    Tensor a(DType::kF32, draft.a.value_or(Shape{4, config_.hidden_size}));
    a.As<float>()[0] = draft.value;
    const Tensor b(DType::kF32, draft.b.value_or(Shape{out, 4}));
    const std::vector<formats::NamedTensor> tensors = {{draft.module + ".lora_a", a.view()},
                                                       {draft.module + draft.suffix_b, b.view()}};
    formats::WriteGguf(path_, draft.metadata, tensors);
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "adapter";
  model::ModelConfig config_ =
      model::ReadConfig(*formats::ModelFiles::Open(DataPath("fixtures/qwen3-untied")));
};

TEST_F(GgufDraft, Loads) {
  Write({});
  EXPECT_NO_THROW(OpenGgufAdapter(path_, config_));
}

// An adapter that nobody has trained, or that sparsity emptied, says nothing and is none the worse.
TEST_F(GgufDraft, LoadsAsNothingWhenItIsZeros) {
  Write({.value = 0.0f});
  const auto adapter = OpenGgufAdapter(path_, config_);
  EXPECT_TRUE(adapter->modules().empty());
  EXPECT_EQ(adapter->parameters(), 0);
  EXPECT_EQ(adapter->views().At(0, model::Module::kV).rank, 0);
}

TEST_F(GgufDraft, IsRefusedForItsMetadata) {
  const auto expect = [this](const GgufMetadata& metadata, std::string_view said) {
    const std::string refusal = Refusal({.metadata = metadata});
    EXPECT_NE(refusal.find(said), std::string::npos) << refusal;
  };
  const auto without = [](std::ptrdiff_t index) {
    GgufMetadata metadata = AdapterMetadata("qwen3", 8.0f);
    metadata.erase(metadata.begin() + index);
    return metadata;
  };
  expect(without(1), "not an adapter");
  expect(without(2), "adapter.type");
  expect(without(3), "adapter.lora.alpha");
  expect(AdapterMetadata("llama", 8.0f), "another architecture");
  expect(AdapterMetadata("qwen3", -1.0f), "adapter.lora.alpha");
  GgufMetadata invoked = AdapterMetadata("qwen3", 8.0f);
  invoked.emplace_back("adapter.alora.invocation_tokens", std::vector<uint32_t>{1, 2});
  expect(invoked, "aLoRA");
}

TEST_F(GgufDraft, IsRefusedForItsTensors) {
  const auto expect = [this](const Draft& draft, std::string_view said) {
    const std::string refusal = Refusal(draft);
    EXPECT_NE(refusal.find(said), std::string::npos) << refusal;
  };
  const int64_t in = config_.hidden_size;
  expect({.module = "blk.9.attn_v.weight"}, "no such module");
  expect({.module = "token_embd.weight"}, "embedding");
  expect({.module = "output.weight"}, "head");
  expect({.a = Shape{4, in + 1}}, "wrong shape");
  expect({.a = Shape{4, in, 1}}, "wrong shape");
  expect({.b = Shape{4, 4}}, "wrong shape");
  expect({.suffix_b = ".lora_c"}, "unknown kind");
  expect({.suffix_b = "_norm.weight"}, "lora_b");
  expect({.value = std::numeric_limits<float>::quiet_NaN()}, "out of range");
}

}  // namespace
}  // namespace hyprstream::adapters
