// Indented JSON, two spaces a level, in the order of the keys.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace hyprstream::cli {

/// Shortest digits that read back as the same number, with a point, so that every reader of JSON
/// and YAML takes it for one. Not a number: "null".
std::string NumberText(double value);

std::string RenderJson(const boost::json::value& document);

}  // namespace hyprstream::cli
