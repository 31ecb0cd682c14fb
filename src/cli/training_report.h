// What a training run shows while it runs and leaves behind: a progress line with loss, speed and
// remaining time, a CSV file, and the loss curve in the terminal and as an SVG. One thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/shell.h"
#include "training/run.h"

namespace hyprstream::cli {

struct TrainingPoint {
  int64_t step = 0;
  double loss = 0;
  std::optional<double> eval_loss = {};
};

class TrainingLog {
 public:
  /// `csv` empty: no file; when the run goes on from a later step than 0, rows are appended.
  /// Errors: kIo.
  TrainingLog(const Shell& shell, const std::string& csv, int64_t steps, int64_t from);

  void Add(const training::StepReport& report);
  /// Wipes the progress line.
  void Finish();
  const std::vector<TrainingPoint>& points() const { return points_; }

 private:
  void Show(const training::StepReport& report, double tokens_per_second) const;

  const bool show_;
  const int64_t steps_;
  const int64_t from_;
  std::ofstream csv_;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point last_;
  std::vector<TrainingPoint> points_;
};

/// Twelve lines of text, 64 steps wide; empty without points.
std::string DrawLossCurve(const std::vector<TrainingPoint>& points);

/// Errors: those of AtomicFile.
void WriteLossCurve(const std::filesystem::path& path, const std::vector<TrainingPoint>& points);

}  // namespace hyprstream::cli
