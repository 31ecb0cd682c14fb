// Where the engine thread's time goes. The phases follow each other without a gap, so that idle and
// the phases together are the wall time since the engine started. Plain values.
#pragma once

#include <chrono>
#include <string_view>

#include "model/batch.h"

namespace hyprstream::engine {

using Duration = std::chrono::nanoseconds;

struct StepTimes {
  Duration wall{};      // since the engine thread started
  Duration idle{};      // waiting for requests
  Duration lent{};      // to whoever borrows turns
  Duration schedule{};  // admitting, paging, building batches
  Duration forward{};   // the model
  Duration sample{};    // drawing tokens, log-probabilities
  Duration text{};      // detokenising, stop strings, finishing
  Duration deliver{};   // handing out events, statistics
  // Parts of `forward`, when EngineOptions::profile is set.
  Duration embedding{};
  Duration layers{};
  Duration head{};  // final norm, output projection
};

/// Attributes the time between calls of Lap to phases. One thread.
class PhaseClock {
 public:
  PhaseClock() : last_(std::chrono::steady_clock::now()) {}
  void Lap(Duration& phase) {
    const auto now = std::chrono::steady_clock::now();
    phase += now - last_;
    last_ = now;
  }

 private:
  std::chrono::steady_clock::time_point last_;
};

/// Splits a forward pass by the activations that an Observer sees. One thread.
class ForwardClock {
 public:
  explicit ForwardClock(StepTimes& times) : times_(times) {}
  model::Observer Begin() {
    clock_ = {};
    return [this](std::string_view what, int64_t, ConstMatrix) {
      if (what == "embedding") clock_.Lap(times_.embedding);
      if (what == "layer") clock_.Lap(times_.layers);
    };
  }
  void End() { clock_.Lap(times_.head); }

 private:
  StepTimes& times_;
  PhaseClock clock_;
};

}  // namespace hyprstream::engine
