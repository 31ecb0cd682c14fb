// Tables for people.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace hyprstream::cli {

std::string RenderTable(const boost::json::value& document);

}  // namespace hyprstream::cli
