#include "cli/placement_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hyprstream::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

adapters::PlacementMap Map() {
  return {.modules = {model::Module::kQ, model::Module::kDown},
          .layers = 3,
          .counts = {8, 0, 1, 4, 5, 12}};
}

TEST(PlacementPicture, ShadesAndCountsStandInLayersAndModules) {
  EXPECT_EQ(DrawPlacement(Map()),
            "30 components, at most 12 in a module\n"
            "layer    q       down\n"
            "    0    ▓▓ 8\n"
            "    1    ░░ 1    ▒▒ 4\n"
            "    2    ▒▒ 5    ██ 12\n");
}

TEST(PlacementPicture, AnAdapterWithoutComponentsIsBlank) {
  adapters::PlacementMap map = Map();
  map.counts.assign(6, 0);
  EXPECT_EQ(DrawPlacement(map),
            "0 components, at most 0 in a module\n"
            "layer    q       down\n"
            "    0\n    1\n    2\n");
  EXPECT_THAT(PlacementSvg(map, "tone"), Not(HasSubstr("nan")));
}

TEST(PlacementPicture, TheSvgHasACellForEveryModule) {
  const std::string svg = PlacementSvg(Map(), "tone@1 <&>");
  size_t cells = 0;
  for (size_t at = svg.find("fill-opacity"); at != std::string::npos;
       at = svg.find("fill-opacity", at + 1)) {
    ++cells;
  }
  EXPECT_EQ(cells, 6u);
  EXPECT_THAT(svg, HasSubstr("tone@1 &lt;&amp;&gt;"));
  EXPECT_THAT(svg, HasSubstr("fill-opacity=\"1.000\""));
  EXPECT_THAT(svg, HasSubstr("layer 2"));
  EXPECT_THAT(svg, HasSubstr(">down<"));
}

}  // namespace
}  // namespace hyprstream::cli
