// A bar on standard error for work that takes longer than a second. Nothing is shown when standard
// error is no terminal. One thread at a time; the listener must not outlive the bar.
#pragma once

#include <chrono>

#include "base/progress.h"
#include "cli/terminal.h"

namespace hyprstream::cli {

class ProgressBar {
 public:
  explicit ProgressBar(const Terminal& terminal);
  /// Wipes the bar's line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  ProgressListener Listener();
  void Clear();

 private:
  void Show(const ProgressUpdate& update);

  bool enabled_;
  bool visible_ = false;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace hyprstream::cli
