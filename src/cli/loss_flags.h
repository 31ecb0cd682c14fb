// The flags that say what is minimised, for every verb that computes a loss of samples.
#pragma once

#include <string>

#include "training/loss_pass.h"

namespace CLI {
class App;
}

namespace hyprstream::cli {

struct LossFlags {
  std::string loss = "ce";
  float label_smoothing = 0.0f;
  float temperature = 1.0f;

  void Register(CLI::App& verb);
  /// Errors: kUsage naming the flag.
  training::LossOptions Options() const;
};

/// "ce", "kl" or "mse". Errors: kUsage naming the flag.
ops::LossKind ParseLossKind(const std::string& name, const char* flag);

/// For numbers out of range. Throws kUsage.
[[noreturn]] void FailFlag(const std::string& flag, const std::string& expected,
                           const std::string& found);

}  // namespace hyprstream::cli
