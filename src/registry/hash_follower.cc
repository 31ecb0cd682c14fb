#include "registry/hash_follower.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/posix_file.h"

namespace hyprstream::registry {
namespace {

// Stays in a core's second cache while it is hashed.
constexpr size_t kReadBytes = 512u << 10;
// What is hashed faster than a thread is started and waited for.
constexpr uint64_t kWorthAThread = 4u << 20;

}  // namespace

HashFollower::HashFollower(int descriptor, std::filesystem::path shown, uint64_t size,
                           BlobHash::Git git)
    : descriptor_(descriptor), shown_(std::move(shown)), size_(size), hash_(size, git) {}

HashFollower::~HashFollower() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void HashFollower::Advance(uint64_t available) {
  const std::lock_guard lock(mutex_);
  if (available <= available_) return;
  const uint64_t before = std::exchange(available_, std::min(available, size_));
  if (!thread_.joinable() && size_ >= kWorthAThread) {
    thread_ = std::thread([this] { Run(); });
  }
  // It is not woken for less than it reads at once.
  if (available_ == size_ || before / kReadBytes != available_ / kReadBytes) changed_.notify_all();
}

BlobNames HashFollower::Finish() {
  {
    std::unique_lock lock(mutex_);
    HYPR_CHECK(available_ == size_);
  }
  if (thread_.joinable()) thread_.join();
  if (failed_) std::rethrow_exception(failed_);
  HashUpTo(size_);
  return hash_.Finish();
}

void HashFollower::Run() {
  try {
    while (true) {
      uint64_t end = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
          return stop_ || available_ == size_ || available_ / kReadBytes > hashed_ / kReadBytes;
        });
        if (stop_) return;
        end = available_;
      }
      HashUpTo(end);
      if (end == size_) return;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failed_ = std::current_exception();
  }
}

void HashFollower::HashUpTo(uint64_t end) {
  std::vector<std::byte> buffer(std::min<uint64_t>(kReadBytes, end - hashed_));
  while (hashed_ < end) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), end - hashed_);
    const ssize_t got = ::pread(descriptor_, buffer.data(), wanted, static_cast<off_t>(hashed_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) internal::FailFile("cannot read file", shown_, got < 0 ? errno : EIO);
    hash_.Update(std::span(buffer).first(static_cast<size_t>(got)));
    hashed_ += static_cast<uint64_t>(got);
  }
}

}  // namespace hyprstream::registry
