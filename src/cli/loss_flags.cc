#include "cli/loss_flags.h"

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace hyprstream::cli {

void FailFlag(const std::string& flag, const std::string& expected, const std::string& found) {
  throw Error(
      ErrorCode::kUsage,
      {.message = "wrong value of a flag", .expected = expected, .found = found, .where = flag});
}

ops::LossKind ParseLossKind(const std::string& name, const char* flag) {
  if (name == "ce") return ops::LossKind::kCrossEntropy;
  if (name == "kl") return ops::LossKind::kForwardKl;
  if (name == "mse") return ops::LossKind::kMeanSquare;
  FailFlag(flag, "ce, kl or mse", "\"" + name + "\"");
}

void LossFlags::Register(CLI::App& verb) {
  verb.add_option("--loss", loss,
                  "ce: cross-entropy with the labels; kl, mse: distance to the base model");
  verb.add_option("--label-smoothing", label_smoothing,
                  "Share of the target that is spread over all tokens");
  verb.add_option("--temperature", temperature, "Divides both models' logits, for kl");
}

training::LossOptions LossFlags::Options() const {
  const training::LossOptions options{.kind = ParseLossKind(loss, "--loss"),
                                      .label_smoothing = label_smoothing,
                                      .temperature = temperature};
  if (!(label_smoothing >= 0.0f && label_smoothing < 1.0f)) {
    FailFlag("--label-smoothing", "at least 0 and below 1", std::to_string(label_smoothing));
  }
  if (!(temperature > 0.0f && temperature < 1e6f)) {
    FailFlag("--temperature", "a positive number", std::to_string(temperature));
  }
  return options;
}

}  // namespace hyprstream::cli
