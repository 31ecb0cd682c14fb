// A PEFT repository that was pulled becomes an adapter of its base, when the base is on this
// machine.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "registry/pull.h"

namespace hyprstream::cli {

struct PulledAdapter {
  std::string name;        // here; the repository's
  std::string base_model;  // as adapter_config.json names it; may be empty
  bool imported = false;
  std::string obstacle;  // why it was not
  std::string hint;      // what to do then
};

/// Errors in the adapter or about its base are the result's `obstacle`: the pull has succeeded.
PulledAdapter BecomeAdapter(const registry::PullResult& pulled);

/// Lines for a user.
std::vector<std::string> Told(const PulledAdapter& adapter);
boost::json::object AdapterDocument(const PulledAdapter& adapter);

}  // namespace hyprstream::cli
