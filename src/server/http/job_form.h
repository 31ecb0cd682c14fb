// Fine-tuning jobs, their events and checkpoints as OpenAI's JSON, both ways. Shows JSON types: for
// this layer's own sources only.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "adapters/job_records.h"
#include "adapters/store.h"
#include "server/http/json_fields.h"

namespace hyprstream::server {

/// What a request says about a new job; the rest is for the caller to fill in. Errors:
/// kInvalidArgument naming the field; kUnsupported for a method there is not.
adapters::JobRecord ReadJob(const JsonField& body);

boost::json::object JobObject(const adapters::JobRecord& job);
boost::json::object JobEventObject(const adapters::JobEvent& event);
boost::json::object CheckpointObject(const adapters::JobRecord& job,
                                     const adapters::VersionRecord& version);

}  // namespace hyprstream::server
