// YAML 1.2 block style; a string that could be read as something else is quoted as in JSON.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace hyprstream::cli {

std::string RenderYaml(const boost::json::value& document);

}  // namespace hyprstream::cli
