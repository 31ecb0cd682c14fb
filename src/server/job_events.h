// What a fine-tuning job tells about what the learner did. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "adapters/job_records.h"
#include "adapters/store.h"
#include "engine/learning/events.h"

namespace hyprstream::server {

/// A step as metrics (step, total_steps, train_loss, learning_rate, valid_loss where held-out
/// samples were looked at), a judged version and a failure as messages. Nothing for the rest. What
/// is computed again after a kill has the same mark.
std::optional<adapters::JobEvent> JobEventOf(const engine::LearningEvent& event);

/// Of a version that was judged: why, with its numbers; else what failed.
std::string VerdictOf(const engine::LearningEvent& event);

/// The same from what is stored, for want of the event.
std::string NoVersion(std::span<const adapters::VersionRecord> versions);

}  // namespace hyprstream::server
