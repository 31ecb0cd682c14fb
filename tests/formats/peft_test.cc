// PEFT adapters: good ones give the right rank and scale per module, what cannot be done is refused
// by name, broken ones are refused.
#include "formats/peft.h"

#include <algorithm>
#include <cmath>

#include "formats/model_files.h"
#include "support.h"

namespace hyprstream::formats {
namespace {

using testing::DataPath;
using testing::ErrorOf;
using testing::ReadAll;
using testing::TemporaryFolder;
using testing::WriteAll;
namespace fs = std::filesystem;

/// The linear modules of the model that the fixtures' adapters were made for.
const BaseModules& Base() {
  static const BaseModules* const kBase = [] {
    auto* modules = new BaseModules;
    const auto model = ModelFiles::Open(DataPath("fixtures/qwen3-untied"));
    for (const auto& [name, view] : model->tensors()) {
      if (view.shape.rank() != 2 || name.find("embed") != std::string::npos) continue;
      modules->emplace(name.substr(0, name.size() - std::string_view(".weight").size()),
                       ModuleShape{view.shape[0], view.shape[1]});
    }
    return modules;
  }();
  return *kBase;
}

std::shared_ptr<const PeftAdapter> OpenFixture(const std::string& name) {
  return PeftAdapter::Open(DataPath("fixtures/" + name), Base());
}

const PeftModule* Find(const PeftAdapter& adapter, std::string_view path) {
  const auto modules = adapter.modules();
  const auto found = std::ranges::find(modules, path, &PeftModule::path);
  return found == modules.end() ? nullptr : &*found;
}

TEST(PeftAdapter, AllSevenProjectionsOfEveryLayer) {
  const auto adapter = OpenFixture("peft/a-all-seven");
  EXPECT_EQ(adapter->modules().size(), Base().size() - 1);  // all but lm_head
  EXPECT_TRUE(adapter->untrained().empty());
  for (const PeftModule& module : adapter->modules()) {
    EXPECT_EQ(module.rank, 8);
    EXPECT_EQ(module.scale, 2.0);
    EXPECT_EQ(module.a.shape, (Shape{8, Base().at(module.path).in}));
    EXPECT_EQ(module.b.shape, (Shape{Base().at(module.path).out, 8}));
  }
}

TEST(PeftAdapter, RsloraDividesByTheRoot) {
  const auto adapter = OpenFixture("peft/b-rslora");
  EXPECT_FALSE(adapter->modules().empty());
  for (const PeftModule& module : adapter->modules()) {
    EXPECT_EQ(module.scale, 4.0) << module.path;
  }
}

TEST(PeftAdapter, PatternsGiveModulesTheirOwnRankAndAlpha) {
  const auto adapter = OpenFixture("peft/c-patterns");
  struct Case {
    const char* path;
    int64_t rank;
    double alpha;
  };
  const Case cases[] = {{"model.layers.0.self_attn.q_proj", 4, 24},
                        {"model.layers.1.self_attn.q_proj", 6, 8},
                        {"model.layers.2.self_attn.v_proj", 12, 8},
                        {"model.layers.0.mlp.down_proj", 2, 8},
                        {"model.layers.1.mlp.down_proj", 2, 5}};
  for (const Case& expected : cases) {
    const PeftModule* module = Find(*adapter, expected.path);
    ASSERT_NE(module, nullptr) << expected.path;
    EXPECT_EQ(module->rank, expected.rank) << expected.path;
    EXPECT_EQ(module->alpha, expected.alpha) << expected.path;
    EXPECT_EQ(module->scale, expected.alpha / static_cast<double>(expected.rank));
  }
}

TEST(PeftAdapter, LayersToTransformLeaveTheOthersAlone) {
  const auto adapter = OpenFixture("peft/d-layers");
  EXPECT_EQ(adapter->modules().size(), 4u);
  EXPECT_EQ(Find(*adapter, "model.layers.1.self_attn.q_proj"), nullptr);
  EXPECT_TRUE(adapter->untrained().empty());
}

TEST(PeftAdapter, WhatIsNotDoneIsRefusedByName) {
  for (const auto& [folder, name] : {std::pair{"peft/e-dora", "use_dora"},
                                     std::pair{"peft/f-modules-to-save", "modules_to_save"}}) {
    const auto error = ErrorOf([&, path = folder] { OpenFixture(path); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error->what()).find(name), std::string::npos) << error->what();
  }
}

TEST(PeftAdapter, HostileOnesAreRefusedAndTheControlLoads) {
  int count = 0;
  for (const auto& [key, value] : testing::ReadManifest("fixtures/hostile/manifest.json")) {
    const std::string name(key);
    if (!name.starts_with("adapters/")) continue;
    SCOPED_TRACE(name);
    ++count;
    const auto expect = value.at("expect").as_string();
    try {
      OpenFixture("hostile/" + name);
      EXPECT_NE(expect, "refuse");
    } catch (const Error& error) {
      EXPECT_NE(expect, "load") << error.what();
      EXPECT_FALSE(error.detail().where.empty()) << error.what();
    }
  }
  EXPECT_GE(count, 15);
}

TEST(PeftAdapter, ReadsTheOlderBinFile) {
  const fs::path folder = DataPath("fixtures/pytorch/adapter-bin");
  const auto adapter = PeftAdapter::Open(folder, Base());
  EXPECT_FALSE(adapter->modules().empty());
}

TEST(PeftAdapter, SaysWhichFileIsMissing) {
  TemporaryFolder folder;
  EXPECT_EQ(ErrorOf([&] { PeftAdapter::Open(folder.path(), Base()); })->code(),
            ErrorCode::kNotFound);
  WriteAll(folder / "adapter_config.json", "{}");
  const auto error = ErrorOf([&] { PeftAdapter::Open(folder.path(), Base()); });
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
  EXPECT_EQ(error->detail().expected, "adapter_model.safetensors or adapter_model.bin");
}

TEST(PeftConfig, TargetModulesAsListPatternAndAllLinear) {
  const char* q = "model.layers.3.self_attn.q_proj";
  const char* up = "model.layers.3.mlp.up_proj";
  const PeftConfig list = ReadPeftConfig(R"({"target_modules": ["q_proj"]})");
  EXPECT_TRUE(list.Targets(q));
  EXPECT_FALSE(list.Targets(up));
  EXPECT_FALSE(list.Targets("model.layers.3.self_attn.other_q_proj"));
  const PeftConfig pattern =
      ReadPeftConfig(R"({"target_modules": ".*\\.layers\\.3\\.mlp\\.(up|down)_proj"})");
  EXPECT_TRUE(pattern.Targets(up));
  EXPECT_FALSE(pattern.Targets(q));
  EXPECT_FALSE(pattern.Targets(std::string(up) + "x"));
  const PeftConfig all = ReadPeftConfig(R"({"target_modules": "all-linear"})");
  EXPECT_TRUE(all.Targets(q));
  EXPECT_FALSE(all.Targets("lm_head"));
  const PeftConfig excluded =
      ReadPeftConfig(R"({"target_modules": "all-linear", "exclude_modules": ["q_proj"]})");
  EXPECT_FALSE(excluded.Targets(q));
  EXPECT_TRUE(excluded.Targets(up));
  EXPECT_TRUE(ReadPeftConfig("{}").Targets(q));
}

TEST(PeftConfig, LayersPatternNamesTheList) {
  const PeftConfig config = ReadPeftConfig(
      R"({"target_modules": ["q_proj"], "layers_to_transform": 1, "layers_pattern": "layers"})");
  EXPECT_TRUE(config.Targets("model.layers.1.self_attn.q_proj"));
  EXPECT_FALSE(config.Targets("model.layers.11.self_attn.q_proj"));
  EXPECT_FALSE(config.Targets("model.blocks.1.self_attn.q_proj"));
}

TEST(PeftConfig, FeaturesThatChangeTheResultAreRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {{"peft_type", R"("IA3")"},
                                                       {"bias", R"("all")"},
                                                       {"fan_in_fan_out", "true"},
                                                       {"lora_bias", "true"},
                                                       {"use_dora", "true"},
                                                       {"use_something_new", "true"},
                                                       {"modules_to_save", R"(["lm_head"])"},
                                                       {"target_parameters", R"(["x"])"},
                                                       {"layer_replication", "[[0, 2]]"},
                                                       {"init_lora_weights", R"("pissa_niter_4")"}};
  for (const auto& [field, value] : cases) {
    const std::string text = "{\"" + std::string(field) + "\": " + value + "}";
    const auto error = ErrorOf([&] { ReadPeftConfig(text); });
    ASSERT_TRUE(error) << field;
    EXPECT_EQ(error->code(), ErrorCode::kUnsupported) << field;
    EXPECT_NE(std::string(error->what()).find(field), std::string::npos) << error->what();
  }
}

TEST(PeftConfig, NonsenseIsRefused) {
  for (const char* text :
       {"", "[]", "{", "{} x", R"({"r": 1, "r": 2})", R"({"r": 0})", R"({"r": 2.5})",
        R"({"r": 100000000})", R"({"lora_alpha": "x"})", R"({"lora_alpha": 1e300})",
        R"({"target_modules": 7})", R"({"target_modules": [7]})", R"({"target_modules": "("})",
        R"({"rank_pattern": {"x": -1}})", R"({"rank_pattern": []})", R"({"use_rslora": 1})",
        R"({"layers_to_transform": [-1]})"}) {
    EXPECT_EQ(ErrorOf([&] { ReadPeftConfig(text); })->code(), ErrorCode::kDataLoss) << text;
  }
}

TEST(ModulePattern, BacktrackingEndsAtALimit) {
  const ModulePattern bomb("(a*)*(a*)*(a*)*b", "a test");
  EXPECT_EQ(ErrorOf([&] { bomb.Matches(std::string(60, 'a') + "b!"); })->code(), ErrorCode::kLimit);
}

}  // namespace
}  // namespace hyprstream::formats
