#include "adapters/peft_adapter.h"

#include <gtest/gtest.h>

#include "adapters/base_modules.h"
#include "formats/model_files.h"
#include "support/data.h"

namespace hyprstream::adapters {
namespace {

using testing::DataPath;

model::ModelConfig BaseConfig() {
  return model::ReadConfig(*formats::ModelFiles::Open(DataPath("fixtures/qwen3-untied")));
}

TEST(PeftAdapter, ActsWhereItsConfigurationSays) {
  const model::ModelConfig config = BaseConfig();
  const auto adapter = OpenPeftFolder(DataPath("fixtures/peft/d-layers"), config);
  EXPECT_GT(adapter->views().At(0, model::Module::kQ).rank, 0);
  EXPECT_EQ(adapter->views().At(1, model::Module::kQ).rank, 0);
  EXPECT_GT(adapter->parameters(), 0);
}

TEST(PeftAdapter, ItsHashIsOfItsContents) {
  const model::ModelConfig config = BaseConfig();
  const auto a = OpenPeftFolder(DataPath("fixtures/peft/a-all-seven"), config);
  const auto again = OpenPeftFolder(DataPath("fixtures/peft/a-all-seven"), config);
  const auto b = OpenPeftFolder(DataPath("fixtures/peft/b-rslora"), config);
  EXPECT_EQ(a->content_hash(), again->content_hash());
  EXPECT_NE(a->content_hash(), b->content_hash());
}

TEST(PeftAdapter, AnotherModelsAdapterIsRefused) {
  model::ModelConfig config = BaseConfig();
  config.hidden_size *= 2;
  EXPECT_THROW(OpenPeftFolder(DataPath("fixtures/peft/a-all-seven"), config), Error);
}

TEST(BaseModules, ExpertsHavePlacesOfTheirOwn) {
  const auto config = model::ReadConfig(*formats::ModelFiles::Open(DataPath("fixtures/qwen3-moe")));
  const Places places = PlacesOf(config);
  const auto found = places.find("model.layers.0.mlp.experts.3.up_proj");
  ASSERT_NE(found, places.end());
  EXPECT_EQ(found->second.expert, 3);
  EXPECT_EQ(found->second.shape.out, config.moe.intermediate_size);
}

}  // namespace
}  // namespace hyprstream::adapters
