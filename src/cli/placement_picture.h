// The picture of where an adapter's components are, layers × modules, for a terminal and as an SVG.
#pragma once

#include <string>

#include "adapters/placement_map.h"

namespace hyprstream::cli {

/// A line for each layer, a shade and the count for each module: the darker the more, blank for
/// none, so that it needs no colour.
std::string DrawPlacement(const adapters::PlacementMap& map);

/// A standalone SVG document; `title` stands above the picture.
std::string PlacementSvg(const adapters::PlacementMap& map, const std::string& title);

}  // namespace hyprstream::cli
