#include "adapters/placement_map.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "adapters/stored_case.h"
#include "adapters/topology_case.h"
#include "base/folder.h"

namespace hyprstream::adapters {
namespace {

using testing::MakeStored;

TEST(PlacementMap, CountsTheComponentsOfEveryModule) {
  const testing::Folder folder;
  const model::ModelConfig config = testing::WillowbrookShape();
  const auto stored = MakeStored(folder / "a.nvdb", config, {});
  const PlacementMap map = MapPlacement(*stored);
  EXPECT_EQ(map.layers, 6);
  EXPECT_EQ(map.modules.size(), 7u);
  for (size_t p = 0; p < stored->topology().places().size(); ++p) {
    const model::ModulePlace& at = stored->topology().places()[p].at;
    EXPECT_EQ(map.At(at.layer, static_cast<size_t>(at.module)), std::ssize(stored->components(p)));
  }
  EXPECT_EQ(map.total(), stored->Statistics().components);
  EXPECT_EQ(map.largest(), 3);
}

TEST(PlacementMap, ColumnsAreTheTargetsAndExpertsAreTakenTogether) {
  const testing::Folder folder;
  const auto stored = MakeStored(
      folder / "a.nvdb", testing::OddShape(),
      {.kind = AdapterKind::kLora, .rank = 2, .targets = {model::Module::kQ, model::Module::kUp}});
  const PlacementMap map = MapPlacement(*stored);
  EXPECT_EQ(map.modules, (std::vector<model::Module>{model::Module::kQ, model::Module::kUp}));
  EXPECT_EQ(map.counts, (std::vector<int64_t>{2, 2, 2, 6, 2, 2}));
}

}  // namespace
}  // namespace hyprstream::adapters
