// Adapters, versions, samples and events of learning as JSON. Shows JSON types: for this layer's
// own sources only.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "adapters/journal.h"
#include "adapters/store.h"
#include "engine/learning/learner.h"

namespace hyprstream::server {

boost::json::object AdapterObject(const adapters::AdapterRecord& record);
/// `current`: the version that is served.
boost::json::object VersionObject(const adapters::VersionRecord& version, int64_t current);
boost::json::object SampleObject(const adapters::SampleRecord& sample);
boost::json::object StatusObject(const engine::LearningStatus& status);
boost::json::object EventObject(const engine::LearningEvent& event);

}  // namespace hyprstream::server
