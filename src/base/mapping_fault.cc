#include "base/mapping_fault.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>

namespace hyprstream {
namespace {

constexpr size_t kPlaces = 1024;  // a model of many shards has some hundred files

// A place is free when begin is 0. `end` is published last and withdrawn first: the handler sees a
// whole range or none.
struct Place {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<const char*> path{nullptr};
};
Place places[kPlaces];
std::atomic<int> fault_status{1};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

void Say(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// Only functions that are safe in a signal handler: write, _exit, sigaction, strlen.
void OnBusError(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  // A signal that another process sent carries no address.
  const bool fault =
      info->si_code == BUS_ADRERR || info->si_code == BUS_ADRALN || info->si_code == BUS_OBJERR;
  for (const Place& place : places) {
    const uintptr_t end = place.end.load(std::memory_order_acquire);
    if (!fault || address >= end || address < place.begin.load(std::memory_order_relaxed)) continue;
    Say("\nerror: ");
    Say(place.path.load(std::memory_order_relaxed));
    Say(" was changed or truncated while in use\n"
        "hint: replace a file by renaming a new one over it; the old one then stays readable\n");
    ::_exit(fault_status.load(std::memory_order_relaxed));
  }
  struct sigaction fallback {};
  fallback.sa_handler = SIG_DFL;
  ::sigaction(SIGBUS, &fallback, nullptr);
  if (!fault) ::raise(SIGBUS);  // delivered on return; a fault comes again by itself
}

}  // namespace

void InstallMappingFaultHandler(int exit_status) {
  fault_status.store(exit_status, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

namespace internal {

void RegisterMapping(std::span<const std::byte> range, const char* path) {
  if (range.empty()) return;
  const auto begin = reinterpret_cast<uintptr_t>(range.data());
  for (Place& place : places) {
    uintptr_t free = 0;
    if (!place.begin.compare_exchange_strong(free, begin, std::memory_order_relaxed)) continue;
    place.path.store(path, std::memory_order_relaxed);
    place.end.store(begin + range.size(), std::memory_order_release);
    return;
  }
}

void ForgetMapping(std::span<const std::byte> range) {
  const auto begin = reinterpret_cast<uintptr_t>(range.data());
  for (Place& place : places) {
    if (place.begin.load(std::memory_order_relaxed) != begin) continue;
    place.end.store(0, std::memory_order_relaxed);
    place.begin.store(0, std::memory_order_release);
    return;
  }
}

}  // namespace internal
}  // namespace hyprstream
