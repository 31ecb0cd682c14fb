// What a training run shows while it runs and leaves behind: a progress line with loss, speed and
// remaining time, a CSV file, and the loss curve in the terminal and as an SVG. One thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "cli/shell.h"
#include "training/run.h"

namespace hyprstream::cli {

class TrainingLog {
 public:
  /// `csv` empty: no file. `history`: what was trained before an interruption; the file is written
  /// anew with it. Errors: kIo.
  TrainingLog(const Shell& shell, const std::string& csv, int64_t steps,
              std::span<const training::StepReport> history);

  void Add(const training::StepReport& report);
  /// Wipes the progress line. Errors: kIo when the file could not be written.
  void Finish();

 private:
  void Write(const training::StepReport& report);
  void Show(const training::StepReport& report) const;

  const bool show_;
  const int64_t steps_;
  const int64_t from_;
  const std::string path_;
  std::ofstream csv_;
  std::chrono::steady_clock::time_point begin_;
};

/// Twelve lines of text, 64 steps wide; empty without steps.
std::string DrawLossCurve(std::span<const training::StepReport> steps);

/// Errors: those of AtomicFile.
void WriteLossCurve(const std::filesystem::path& path, std::span<const training::StepReport> steps);

}  // namespace hyprstream::cli
