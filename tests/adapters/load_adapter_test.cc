#include "engine/load_adapter.h"

#include <gtest/gtest.h>

#include "support/data.h"

namespace hyprstream::engine {
namespace {

using testing::DataPath;

TEST(LoadAdapter, ReadsTheScale) {
  const auto config =
      model::ReadConfig(*formats::ModelFiles::Open(DataPath("fixtures/qwen3-untied")));
  const std::string path = DataPath("fixtures/peft/b-rslora").string();
  EXPECT_EQ(OpenAdapter(path, config).scale, 1.0f);
  EXPECT_EQ(OpenAdapter(path + ":-0.5", config).scale, -0.5f);
  EXPECT_THROW(OpenAdapter(path + ":much", config), Error);
  EXPECT_THROW(OpenAdapter("no-such-adapter", config), Error);
}

}  // namespace
}  // namespace hyprstream::engine
