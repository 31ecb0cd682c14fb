// What is exported is read back by the readers of this program, whose correctness files of PEFT,
// llama.cpp and PyTorch prove: the same effect, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "adapters/adapter_files.h"
#include "adapters/export_gguf.h"
#include "adapters/export_peft.h"
#include "adapters/import_adapter.h"
#include "adapters/open_adapter.h"
#include "adapters/stored_case.h"

namespace hyprstream::adapters {
namespace {

using namespace hyprstream::testing;
namespace fs = std::filesystem;

model::ModelConfig ConfigOf(std::string_view fixture) {
  return model::ReadConfig(*formats::ModelFiles::Open(DataPath(fixture)));
}

std::string Differences(const model::AdapterViews& a, const model::AdapterViews& b,
                        const model::ModelConfig& config) {
  std::string found;
  for (const auto& [path, place] : PlacesOf(config)) {
    const ops::LowRankView& x = a.At(place.layer, place.module, place.expert);
    const ops::LowRankView& y = b.At(place.layer, place.module, place.expert);
    const auto bytes = [&](int64_t extent) {
      return static_cast<size_t>(x.rank * extent) * sizeof(float);
    };
    if (x.rank != y.rank) {
      found +=
          path + " has rank " + std::to_string(x.rank) + " and " + std::to_string(y.rank) + "\n";
    } else if (x.rank > 0 && (std::memcmp(x.a, y.a, bytes(place.shape.in)) != 0 ||
                              std::memcmp(x.b, y.b, bytes(place.shape.out)) != 0)) {
      found += path + " has other values\n";
    }
  }
  return found;
}

struct Case {
  const char* name;
  const char* base;
  StoredCase made;
};

const Case kCases[] = {
    {"sparse", "fixtures/qwen3-untied", {}},
    {"sparse_of_a_scale_that_is_no_binary_fraction", "fixtures/qwen3-untied", {.scale = 1.0 / 3}},
    {"lora", "fixtures/qwen3-untied", {.kind = AdapterKind::kLora, .rank = 6, .scale = 2}},
    {"lora_of_scale_zero",
     "fixtures/qwen3-untied",
     {.kind = AdapterKind::kLora, .rank = 2, .scale = 0}},
    {"lora_of_two_modules",
     "fixtures/qwen2-bias",
     {.kind = AdapterKind::kLora,
      .rank = 3,
      .scale = 0.7,
      .targets = {model::Module::kQ, model::Module::kV}}},
    {"sparse_in_llama", "fixtures/llama-linear", {.scale = 0.5}},
    {"sparse_in_mistral", "fixtures/mistral-sliding", {}},
    {"sparse_in_experts", "fixtures/qwen3-moe", {.scale = 3}},
};

class Exported : public ::testing::TestWithParam<Case> {
 protected:
  const model::ModelConfig config_ = ConfigOf(GetParam().base);
  const TemporaryFolder folder_;
  const std::shared_ptr<const StoredAdapter> stored_ =
      MakeStored(folder_ / "version", config_, GetParam().made);

  void ExpectSame(const fs::path& path) const {
    EXPECT_EQ(Differences(stored_->views(), OpenAdapter(path, config_)->views(), config_), "");
    AdapterStore store(folder_ / "home");
    ImportAdapter(store, path, config_,
                  {.name = "again", .base_model = "base", .base_fingerprint = "base"});
    const auto again = StoredAdapter::Open(store.Find("again", "")->file, config_);
    EXPECT_EQ(Differences(stored_->views(), again->views(), config_), "") << "after import";
  }
};

TEST_P(Exported, AsPeftComesBackBitForBit) {
  ExportPeft(*stored_, folder_ / "peft", {.base_model = "base"});
  ExpectSame(folder_ / "peft");
}

TEST_P(Exported, AsOneSafetensorsFileComesBackBitForBit) {
  ExportPeft(*stored_, folder_ / "peft", {});
  fs::rename(folder_ / "peft" / "adapter_model.safetensors", folder_ / "tone.gguf");
  ExpectSame(folder_ / "tone.gguf");
}

TEST_P(Exported, AsGgufComesBackBitForBit) {
  ExportGguf(*stored_, config_, folder_ / "tone.pt", {.base_model = "base"});
  ExpectSame(folder_ / "tone.pt");
}

TEST_P(Exported, AsPytorchComesBackBitForBit) {
  ExportPytorch(*stored_, folder_ / "tone.safetensors", {});
  ExpectSame(folder_ / "tone.safetensors");
}

INSTANTIATE_TEST_SUITE_P(Adapters, Exported, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(Export, PeftNamesWhatTakesPartAndNothingElse) {
  const TemporaryFolder folder;
  const model::ModelConfig config = ConfigOf("fixtures/qwen3-untied");
  const auto stored = MakeStored(folder / "version", config, {});
  ExportPeft(*stored, folder / "peft", {.base_model = "willowbrook"});
  formats::BaseModules shapes;
  for (const auto& [path, place] : PlacesOf(config)) shapes.emplace(path, place.shape);
  const auto read = formats::PeftAdapter::Open(folder / "peft", shapes);
  EXPECT_EQ(read->config().base_model_name_or_path, "willowbrook");
  EXPECT_TRUE(read->untrained().empty());
  EXPECT_FALSE(read->config().rank_pattern.empty());
  for (const formats::PeftModule& module : read->modules()) {
    EXPECT_EQ(module.scale, 1.0) << module.path;
    EXPECT_EQ(module.alpha, static_cast<double>(module.rank)) << module.path;
  }
}

TEST(Export, LoraKeepsAlphaAndShortNames) {
  const TemporaryFolder folder;
  const model::ModelConfig config = ConfigOf("fixtures/qwen3-untied");
  const auto stored = MakeStored(folder / "version", config,
                                 {.kind = AdapterKind::kLora,
                                  .rank = 4,
                                  .scale = 2,
                                  .targets = {model::Module::kQ, model::Module::kV}});
  ExportPeft(*stored, folder / "peft", {});
  const auto read = formats::ReadPeftConfig(ReadAll(folder / "peft" / "adapter_config.json"));
  EXPECT_EQ(read.alpha, 8);
  EXPECT_EQ(read.rank, 4);
  EXPECT_EQ(read.target_modules.names, (std::vector<std::string>{"q_proj", "v_proj"}));
  EXPECT_TRUE(read.rank_pattern.empty());
}

TEST(Export, GgufSaysAdapterLoraAndAlpha) {
  const TemporaryFolder folder;
  const model::ModelConfig config = ConfigOf("fixtures/llama-linear");
  const auto stored =
      MakeStored(folder / "version", config, {.kind = AdapterKind::kLora, .rank = 4, .scale = 2});
  ExportGguf(*stored, config, folder / "tone", {});
  const auto file = formats::GgufFile::Open(folder / "tone");
  EXPECT_EQ(file->GetString("general.type"), "adapter");
  EXPECT_EQ(file->GetString("general.architecture"), "llama");
  EXPECT_EQ(file->GetString("adapter.type"), "lora");
  EXPECT_EQ(file->GetFloat("adapter.lora.alpha"), 8.0);
  EXPECT_NE(file->Find("blk.0.attn_q.weight.lora_a"), nullptr);
  EXPECT_NE(file->Find("blk.0.attn_q.weight.lora_b"), nullptr);
}

TEST(Export, RefusesToOverwriteAndToWriteNothing) {
  const TemporaryFolder folder;
  const model::ModelConfig config = ConfigOf("fixtures/qwen3-untied");
  const auto stored = MakeStored(folder / "version", config, {});
  fs::create_directory(folder / "peft");
  WriteAll(folder / "peft" / "precious", "x");
  EXPECT_EQ(ErrorOf([&] { ExportPeft(*stored, folder / "peft", {}); })->code(),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(ErrorOf([&] { ExportPytorch(*stored, folder / "peft" / "precious", {}); })->code(),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(ReadAll(folder / "peft" / "precious"), "x");
  TrainableAdapter(Topology(config, stored->spec())).Save(folder / "empty", {.name = "empty"});
  const auto empty = StoredAdapter::Open(folder / "empty", config);
  EXPECT_EQ(ErrorOf([&] { ExportPeft(*empty, folder / "new", {}); })->code(),
            ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(fs::exists(folder / "new"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 3);  // no half a folder
}

TEST(Import, TakesAGridFileAsItIs) {
  const TemporaryFolder folder;
  const model::ModelConfig config = ConfigOf("fixtures/qwen3-untied");
  const auto stored = MakeStored(folder / "tone.safetensors", config, {});
  AdapterStore store(folder / "home");
  const ImportOptions options{.name = "tone", .base_model = "b", .base_fingerprint = "base"};
  const AdapterRecord record = ImportAdapter(store, folder / "tone.safetensors", config, options);
  EXPECT_EQ(record.kind, "sparse");
  EXPECT_EQ(record.current, 1);
  EXPECT_EQ(store.Find("tone", "")->hash, stored->content_hash());
  const ImportOptions other{.name = "other", .base_model = "b", .base_fingerprint = "another"};
  EXPECT_EQ(
      ErrorOf([&] { ImportAdapter(store, folder / "tone.safetensors", config, other); })->code(),
      ErrorCode::kFailedPrecondition);
}

TEST(Import, FailingLeavesNoAdapterBehind) {
  const TemporaryFolder folder;
  const model::ModelConfig config = ConfigOf("fixtures/qwen3-untied");
  AdapterStore store(folder / "home");
  for (const char* evil : {"evil_system.pt", "evil_eval_after_good_tensor.pt"}) {
    EXPECT_THROW(ImportAdapter(store, DataPath(std::string("fixtures/pytorch/") + evil), config,
                               {.name = "evil", .base_model = "b", .base_fingerprint = "base"}),
                 Error);
  }
  EXPECT_TRUE(store.List().empty());
}

}  // namespace
}  // namespace hyprstream::adapters
