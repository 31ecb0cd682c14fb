// Indented JSON, two spaces a level, in the order of the keys.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace hyprstream::cli {

std::string RenderJson(const boost::json::value& document);

}  // namespace hyprstream::cli
