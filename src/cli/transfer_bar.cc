#include "cli/transfer_bar.h"

#include <algorithm>
#include <cstdio>

#include "base/memory_budget.h"

namespace hyprstream::cli {
namespace {

constexpr std::chrono::seconds kRateWindow{5};
constexpr int kCells = 20;
constexpr size_t kNameCells = 32;

/// The end of a long name tells more than its beginning.
std::string ShownName(const std::string& name) {
  const std::string printable = Printable(name);
  if (printable.size() <= kNameCells)
    return printable + std::string(kNameCells - printable.size(), ' ');
  return "..." + printable.substr(printable.size() - (kNameCells - 3));
}

std::string Duration(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 100) return std::to_string(whole) + " s";
  if (whole < 6000) return std::to_string((whole + 30) / 60) + " min";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace

void Rate::Add(Clock::time_point when, uint64_t done) {
  seen_.emplace_back(when, done);
  while (seen_.size() > 2 && when - seen_.front().first > kRateWindow) seen_.pop_front();
}

double Rate::bytes_per_second() const {
  if (seen_.size() < 2) return 0;
  const double seconds =
      std::chrono::duration<double>(seen_.back().first - seen_.front().first).count();
  if (seconds < 0.2) return 0;
  return static_cast<double>(seen_.back().second - seen_.front().second) / seconds;
}

std::string TransferLine(const std::string& name, uint64_t done, uint64_t size, double rate) {
  const double share =
      size == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(size));
  const int filled = static_cast<int>(share * kCells);
  std::string line = ShownName(name) + " ";
  for (int i = 0; i < kCells; ++i) line += i < filled ? "█" : "░";
  char percent[16];
  std::snprintf(percent, sizeof percent, " %3d %%", static_cast<int>(share * 100));
  line += percent;
  line += "  " + FormatBytes({done}) + " of " + FormatBytes({size});
  if (rate > 0) {
    line += "  " + FormatBytes({static_cast<uint64_t>(rate)}) + "/s";
    if (done < size) line += "  " + Duration(static_cast<double>(size - done) / rate) + " left";
  }
  return line;
}

registry::TransferListener TransferBar::Listener() {
  if (!enabled_) return {};
  return [this](const registry::TransferUpdate& update) { Show(update); };
}

void TransferBar::Show(const registry::TransferUpdate& update) {
  const auto now = Rate::Clock::now();
  File& file = running_[update.file];
  file.name = update.name;
  file.done = update.file_done;
  file.size = update.file_size;
  file.rate.Add(now, update.file_done);
  rate_.Add(now, update.done);
  Clear();
  if (file.done == file.size) {
    std::fprintf(stderr, "%s\n", TransferLine(file.name, file.done, file.size, 0).c_str());
    running_.erase(update.file);
  }
  Draw(update);
}

void TransferBar::Draw(const registry::TransferUpdate& update) {
  for (const auto& [place, file] : running_) {
    std::fprintf(
        stderr, "%s\n",
        TransferLine(file.name, file.done, file.size, file.rate.bytes_per_second()).c_str());
    ++lines_;
  }
  if (update.files > 1 || running_.empty()) {
    const std::string title =
        std::to_string(update.files_done) + " of " + std::to_string(update.files) + " files";
    std::fprintf(stderr, "%s\n",
                 TransferLine(title, update.done, update.size, rate_.bytes_per_second()).c_str());
    ++lines_;
  }
  std::fflush(stderr);
}

void TransferBar::Note(const std::string& text) {
  Clear();
  std::fprintf(stderr, "%s\n", Printable(text).c_str());
}

void TransferBar::Clear() {
  for (; lines_ > 0; --lines_) std::fputs("\x1b[1A\x1b[2K", stderr);
}

}  // namespace hyprstream::cli
