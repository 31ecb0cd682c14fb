#include "server/job_events.h"

#include <array>
#include <boost/json.hpp>
#include <cstdio>

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using adapters::JobEvent;
using adapters::JobEventLevel;
using engine::LearningEvent;
using engine::LearningEventKind;

std::string Digits(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

void AppendLoss(std::string& text, const char* name, const std::optional<double>& now,
                const std::optional<double>& before) {
  if (!now) return;
  text += std::string(text.empty() ? "" : ", ") + name + " loss " + Digits(*now);
  if (before) text += " (before " + Digits(*before) + ")";
}

std::string Number(const LearningEvent& event) {
  return std::to_string(event.burst) + "." + std::to_string(event.step);
}

JobEvent StepEvent(const LearningEvent& event) {
  json::object metrics{{"step", event.step},
                       {"total_steps", event.steps},
                       {"train_loss", event.loss.value_or(0.0)},
                       {"learning_rate", event.learning_rate.value_or(0.0)},
                       {"round", event.burst}};
  if (event.heldout_loss) metrics["valid_loss"] = *event.heldout_loss;
  std::string message = "Step " + std::to_string(event.step) + "/" + std::to_string(event.steps) +
                        ": training loss=" + Digits(event.loss.value_or(0.0));
  if (event.heldout_loss) message += ", validation loss=" + Digits(*event.heldout_loss);
  return {.message = std::move(message),
          .metrics = json::serialize(metrics),
          .once = "step " + Number(event)};
}

}  // namespace

std::string VerdictOf(const LearningEvent& event) {
  std::string numbers;
  AppendLoss(numbers, "held-out", event.loss, event.loss_before);
  AppendLoss(numbers, "general", event.general_loss, event.general_before);
  return numbers.empty() ? event.message : event.message + " (" + numbers + ")";
}

std::optional<JobEvent> JobEventOf(const LearningEvent& event) {
  switch (event.kind) {
    case LearningEventKind::kTrainingStep:
      return StepEvent(event);
    case LearningEventKind::kPromotion:
      return JobEvent{
          .message = "Version " + std::to_string(event.version) + " " + VerdictOf(event),
          .once = "version " + std::to_string(event.version)};
    case LearningEventKind::kRejection:
      return JobEvent{
          .level = JobEventLevel::kWarn,
          .message = "Version " + std::to_string(event.version) + " " + VerdictOf(event),
          .once = "version " + std::to_string(event.version)};
    case LearningEventKind::kError:
      return JobEvent{.level = JobEventLevel::kError,
                      .message = event.message,
                      .once = "error " + event.message};
    case LearningEventKind::kLoad:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string NoVersion(std::span<const adapters::VersionRecord> versions) {
  if (versions.empty()) return "training ended without a version";
  std::string numbers;
  AppendLoss(numbers, "held-out", versions.back().heldout_loss, std::nullopt);
  AppendLoss(numbers, "general", versions.back().general_loss, std::nullopt);
  return "the last version was " + std::string(VersionStatusName(versions.back().status)) + " (" +
         numbers + ")";
}

}  // namespace hyprstream::server
