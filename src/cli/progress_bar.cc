#include "cli/progress_bar.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace hyprstream::cli {
namespace {

constexpr std::chrono::seconds kQuietTime{1};
constexpr int kCells = 24;

}  // namespace

ProgressBar::ProgressBar(const Terminal& terminal)
    : enabled_(terminal.errors), begin_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() { Clear(); }

ProgressListener ProgressBar::Listener() {
  if (!enabled_) return {};
  return [this](const ProgressUpdate& update) { Show(update); };
}

void ProgressBar::Clear() {
  if (visible_) std::fputs("\r\x1b[K", stderr);
  visible_ = false;
}

void ProgressBar::Show(const ProgressUpdate& update) {
  const auto passed = std::chrono::steady_clock::now() - begin_;
  if (passed < kQuietTime || update.total == 0) return;
  const double share =
      std::min(1.0, static_cast<double>(update.done) / static_cast<double>(update.total));
  const int filled = static_cast<int>(share * kCells);
  std::string bar;
  for (int i = 0; i < kCells; ++i) bar += i < filled ? "█" : "░";
  const double seconds = std::chrono::duration<double>(passed).count();
  const double left = share > 0 ? seconds / share - seconds : 0;
  std::fprintf(stderr, "\r\x1b[K%s %s %3.0f %% %.0f s left", update.what.c_str(), bar.c_str(),
               share * 100, left);
  std::fflush(stderr);
  visible_ = true;
}

}  // namespace hyprstream::cli
