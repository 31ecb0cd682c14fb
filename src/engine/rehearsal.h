// What a model must not forget while it learns something new: questions it asks itself and its own
// answers, drawn through its chat template at temperature 1, so that they fall as the model's own
// texts do. Training keeps the adapter's predictions near the base's on them, so no data of the
// base's training is needed. A function of (model, options).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/engine.h"
#include "engine/load.h"
#include "training/sample.h"

namespace hyprstream::engine {

struct RehearsalOptions {
  int64_t count = 1024;
  int32_t question_tokens = 48;  // at most
  int32_t answer_tokens = 48;    // at most
  uint64_t seed = 0;
  ProgressListener progress = {};
  std::function<void()> check = {};  // called now and then; may throw to end it
};

/// Fewer than `count` when some questions come out empty. None when the template gives a user's
/// message no beginning of its own. Errors: those of Engine::Submit.
std::vector<training::Sample> Rehearse(const LoadedModel& loaded, Engine& engine,
                                       const RehearsalOptions& options);

}  // namespace hyprstream::engine
