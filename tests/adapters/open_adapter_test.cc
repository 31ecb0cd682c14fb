// One adapter in every form a user may have it in: the same logits, those that PEFT gives.
#include "adapters/open_adapter.h"

#include <gtest/gtest.h>

#include "adapters/adapter_files.h"
#include "model/harness.h"

namespace hyprstream::adapters {
namespace {

using namespace hyprstream::testing;
namespace fs = std::filesystem;

constexpr float kLogitTolerance = 1e-4f;  // 5 times the reference's own f32 rounding
constexpr std::string_view kBase = "fixtures/qwen3-untied";

model::ModelConfig BaseConfig() {
  return model::ReadConfig(*formats::ModelFiles::Open(DataPath(kBase)));
}

/// How far the logits with this adapter are from those of a golden file.
float Distance(const DenseAdapter& adapter, const fs::path& golden, float scale = 1.0f) {
  const auto expected = formats::SafetensorsFile::Open(golden);
  const std::vector<int32_t> ids = ReadIds(expected->Find("input_ids")->view);
  Compute compute;
  const auto model = LoadExact(DataPath(kBase), compute.context);
  const Tensor got = RunModel(*model, compute.context, ids,
                              {.adapters = {{.views = &adapter.views(), .scale = scale}}});
  return MaxDifference(got.As<float>(), expected->Find("logits")->view.As<float>());
}

class GoldenAdapter : public ::testing::TestWithParam<const char*> {
 protected:
  fs::path Fixture() const { return DataPath(std::string("fixtures/peft/") + GetParam()); }
  fs::path Golden() const { return Fixture() / "expected.safetensors"; }
};

TEST_P(GoldenAdapter, AsAFolder) {
  EXPECT_LE(Distance(*OpenAdapter(Fixture(), BaseConfig()), Golden()), kLogitTolerance);
}

TEST_P(GoldenAdapter, AsOneFileOfAnyName) {
  const TemporaryFolder folder;
  fs::copy_file(Fixture() / "adapter_config.json", folder.path() / "adapter_config.json");
  fs::copy_file(Fixture() / "adapter_model.safetensors", folder.path() / "tone.pt");
  EXPECT_LE(Distance(*OpenAdapter(folder.path() / "tone.pt", BaseConfig()), Golden()),
            kLogitTolerance);
}

TEST_P(GoldenAdapter, AsGguf) {
  const TemporaryFolder folder;
  const model::ModelConfig config = BaseConfig();
  WriteAsGguf(Fixture(), config, folder.path() / "adapter");
  EXPECT_LE(Distance(*OpenAdapter(folder.path() / "adapter", config), Golden()), kLogitTolerance);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenAdapter,
                         ::testing::Values("a-all-seven", "b-rslora", "c-patterns", "d-layers"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(OpenAdapter, ReadsAPickledFileByItsContent) {
  const fs::path pickled = DataPath("fixtures/pytorch/adapter-bin/adapter_model.bin");
  const auto adapter = OpenAdapter(pickled, BaseConfig());
  EXPECT_LE(Distance(*adapter, DataPath("fixtures/peft/a-all-seven/expected.safetensors")),
            kLogitTolerance);
  const auto folder = OpenAdapter(DataPath("fixtures/peft/a-all-seven"), BaseConfig());
  EXPECT_EQ(adapter->content_hash(), folder->content_hash());
}

TEST(OpenAdapter, AFileWithoutConfigurationActsWithScaleOne) {
  const TemporaryFolder folder;
  const fs::path fixture = DataPath("fixtures/peft/a-all-seven");
  fs::copy_file(fixture / "adapter_model.safetensors", folder.path() / "tone");
  const auto adapter = OpenAdapter(folder.path() / "tone", BaseConfig());
  EXPECT_LE(Distance(*adapter, fixture / "expected.safetensors", 16.0f / 8.0f), kLogitTolerance);
}

std::string Refusal(const fs::path& path) {
  const auto error = ErrorOf([&] { OpenAdapter(path, BaseConfig()); });
  return error ? error->what() : "";
}

TEST(OpenAdapter, RefusesWhatIsNoAdapter) {
  const std::pair<const char*, const char*> cases[] = {
      {"no-such-adapter", "no such adapter"},
      {"fixtures/qwen3-untied", "adapter_config.json"},
      {"fixtures/qwen3-untied/model.safetensors", "modules_to_save"},
      {"fixtures/gguf/qwen3-untied-F32.gguf", "not an adapter"},
      {"fixtures/README.md", "not a file of tensors"},
      {"fixtures/pytorch/evil_system.pt", "posix"},
  };
  for (const auto& [path, said] : cases) {
    EXPECT_NE(Refusal(DataPath(path)).find(said), std::string::npos)
        << path << ": " << Refusal(DataPath(path));
  }
}

TEST(OpenAdapter, RefusesDoraByNameAlsoWithoutConfiguration) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "dora";
  fs::copy_file(DataPath("fixtures/peft/e-dora/adapter_model.safetensors"), file);
  EXPECT_NE(Refusal(file).find("use_dora"), std::string::npos) << Refusal(file);
  EXPECT_NE(Refusal(DataPath("fixtures/peft/e-dora")).find("use_dora"), std::string::npos);
}

enum class Halves { kBoth, kOnlyA };

/// A file of zeros for one module of layer 0.
fs::path WritePair(const fs::path& folder, std::string_view module, const Shape& a, const Shape& b,
                   Halves halves = Halves::kBoth) {
  const Tensor a_values(DType::kF32, a);
  const Tensor b_values(DType::kF32, b);
  const std::string prefix = "base_model.model.model.layers.0." + std::string(module);
  std::vector<formats::NamedTensor> tensors = {{prefix + ".lora_A.weight", a_values.view()}};
  if (halves == Halves::kBoth) tensors.push_back({prefix + ".lora_B.weight", b_values.view()});
  formats::WriteSafetensors(folder / "adapter", tensors);
  return folder / "adapter";
}

TEST(OpenAdapter, RefusesWrongShapesUnknownModulesAndHalves) {
  const TemporaryFolder folder;
  const model::ModelConfig config = BaseConfig();
  const int64_t in = config.hidden_size;
  const int64_t out = config.num_attention_heads * config.head_dim;
  const fs::path& to = folder.path();
  const std::string q = "self_attn.q_proj";
  EXPECT_NO_THROW(OpenAdapter(WritePair(to, q, {4, in}, {out, 4}), config));
  const auto expect = [](const fs::path& path, std::string_view said) {
    EXPECT_NE(Refusal(path).find(said), std::string::npos) << Refusal(path);
  };
  expect(WritePair(to, q, {4, in + 1}, {out, 4}), "wrong shape");
  expect(WritePair(to, q, {4, in}, {out, 5}), "wrong shape");
  expect(WritePair(to, q, {4, in, 1}, {out, 4}), "wrong shape");
  expect(WritePair(to, "self_attn.z_proj", {4, in}, {out, 4}), "no such module");
  expect(WritePair(to, q, {4, in}, {out, 4}, Halves::kOnlyA), "lora_B");
}

}  // namespace
}  // namespace hyprstream::adapters
