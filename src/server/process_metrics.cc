#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "server/metrics.h"

namespace hyprstream::server {
namespace {

struct Memory {
  double resident = 0;
  double virtual_size = 0;
};

Memory ReadMemory() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return {.resident = resident * page, .virtual_size = pages * page};
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double OpenFiles() {
  std::error_code failed;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end;
       at.increment(failed)) {
    ++count;
  }
  return count;
}

double MostFiles() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

/// Seconds since 1970; 0 when /proc does not say.
double StartTime() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  text.erase(0, name_end + 2);
  double ticks = 0;
  for (int field = 3; field <= 22 && !text.empty(); ++field) {
    const size_t end = std::min(text.find(' '), text.size());
    if (field == 22) ticks = std::strtod(text.c_str(), nullptr);
    text.erase(0, end + 1);
  }
  std::ifstream uptime("/proc/uptime");
  double up = 0;
  uptime >> up;
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return now - up + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void WriteProcessMetrics(MetricsPage& page) {
  static const double start = StartTime();
  const Memory memory = ReadMemory();
  const auto one = [&](const char* name, const char* type, const char* help, double value) {
    page.Family(name, type, help);
    page.Sample({}, value);
  };
  one("process_cpu_seconds_total", "counter", "User and system time in seconds.", CpuSeconds());
  one("process_resident_memory_bytes", "gauge", "Resident memory in bytes.", memory.resident);
  one("process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.", memory.virtual_size);
  one("process_open_fds", "gauge", "Open file descriptors.", OpenFiles());
  one("process_max_fds", "gauge", "Most file descriptors that may be open.", MostFiles());
  one("process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.", start);
}

}  // namespace hyprstream::server
