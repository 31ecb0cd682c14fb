#include "registry/read_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace hyprstream::registry {
namespace {

// Four of them lie in a core's second cache.
constexpr size_t kBlockBytes = 256u << 10;
// What is read faster than a thread is started.
constexpr off_t kWorthAThread = 4 << 20;

}  // namespace

ReadAhead::ReadAhead(const std::filesystem::path& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_.valid()) internal::FailFile("cannot open file", path_, errno);
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  struct stat status {};
  const bool large = ::fstat(file_.get(), &status) == 0 && status.st_size >= kWorthAThread;
  for (Block& block : blocks_) block.bytes.resize(kBlockBytes);
  if (large) thread_ = std::thread([this] { Run(); });
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

size_t ReadAhead::Fill(Block& block) {
  block.filled = 0;
  while (block.filled < block.bytes.size()) {
    const ssize_t count =
        ::read(file_.get(), block.bytes.data() + block.filled, block.bytes.size() - block.filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) internal::FailFile("cannot read file", path_, errno);
    if (count == 0) break;
    block.filled += static_cast<size_t>(count);
  }
  return block.filled;
}

void ReadAhead::Run() {
  try {
    for (uint64_t number = 0;; ++number) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || number < freed_ + blocks_.size(); });
        if (stop_) return;
      }
      const size_t filled = Fill(blocks_[number % blocks_.size()]);
      {
        const std::lock_guard lock(mutex_);
        read_ = number + 1;
      }
      changed_.notify_all();
      if (filled == 0) return;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failed_ = std::current_exception();
    changed_.notify_all();
  }
}

std::span<const std::byte> ReadAhead::Next() {
  Block* block = &blocks_.front();
  if (!thread_.joinable()) {
    Fill(*block);
  } else {
    std::unique_lock lock(mutex_);
    freed_ = used_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return used_ < read_ || failed_; });
    if (used_ >= read_) std::rethrow_exception(failed_);
    block = &blocks_[used_ % blocks_.size()];
    // The last block is given again and again.
    if (block->filled > 0) ++used_;
  }
  return std::span(block->bytes).first(block->filled);
}

}  // namespace hyprstream::registry
