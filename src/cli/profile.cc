#include "cli/profile.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "cli/document.h"

namespace hyprstream::cli {
namespace {

/// How long the process has lived, to the resolution of the kernel's clock ticks (10 ms): field 22
/// of /proc/self/stat, proc(5). Zero when it cannot be told.
std::chrono::nanoseconds Age() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  int64_t ticks = 0;
  if (!(fields >> ticks)) return {};
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const int64_t tick_ns = 1'000'000'000 / sysconf(_SC_CLK_TCK);
  const int64_t now_ns = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  return std::chrono::nanoseconds(std::max<int64_t>(0, now_ns - (ticks + 1) * tick_ns));
}

}  // namespace

Profile::Profile() : begin_(Clock::now() - Age()), last_(begin_) {}

void Profile::Lap(const std::string& name) { Lap(name, {}); }

void Profile::Lap(const std::string& name,
                  const std::vector<std::pair<std::string, std::chrono::nanoseconds>>& parts) {
  const Clock::time_point now = Clock::now();
  std::chrono::nanoseconds rest = now - last_;
  last_ = now;
  for (const auto& [part, time] : parts) {
    const auto counted = std::clamp(time, std::chrono::nanoseconds(0), rest);
    Add(part, counted);
    rest -= counted;
  }
  Add(name, rest);
}

void Profile::Add(const std::string& name, std::chrono::nanoseconds time) {
  const auto same =
      std::find_if(laps_.begin(), laps_.end(), [&](const auto& lap) { return lap.first == name; });
  if (same == laps_.end()) {
    laps_.emplace_back(name, time);
  } else {
    same->second += time;
  }
}

boost::json::value Profile::Document() const {
  const double wall = std::chrono::duration<double>(Clock::now() - begin_).count();
  double covered = 0;
  boost::json::array phases;
  for (const auto& [name, time] : laps_) {
    const double seconds = std::chrono::duration<double>(time).count();
    covered += seconds;
    phases.push_back({{"phase", name}, {"seconds", seconds}, {"share", seconds / wall}});
  }
  return {{"wall_seconds", wall}, {"covered", covered / wall}, {"phases", std::move(phases)}};
}

std::string Profile::Table() const { return Render(Document(), Format::kTable); }

}  // namespace hyprstream::cli
