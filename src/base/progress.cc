#include "base/progress.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hyprstream {
namespace {

constexpr int64_t kTellEveryNs = 50'000'000;

int64_t NowNs() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

Progress::Progress(ProgressListener listener, std::string what, uint64_t total)
    : listener_(std::move(listener)), update_{.what = std::move(what), .done = 0, .total = total} {}

void Progress::Advance(uint64_t amount) {
  update_.done += amount;
  if (listener_ && NowNs() >= next_tell_ns_) Tell();
}

void Progress::Finish() {
  update_.total = std::max(update_.done, update_.total);
  update_.done = update_.total;
  if (listener_) Tell();
}

void Progress::Tell() {
  listener_(update_);
  next_tell_ns_ = NowNs() + kTellEveryNs;
}

}  // namespace hyprstream
