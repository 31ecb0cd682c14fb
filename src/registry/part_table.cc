#include "registry/part_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/posix_file.h"

namespace hyprstream::registry {

using internal::FailFile;

struct PartTable::Header {
  char magic[8];
  uint64_t size;
  uint64_t part_size;
  uint64_t count;
};

namespace {

constexpr char kMagic[8] = {'h', 'y', 'p', 'r', 'p', 'a', 'r', '1'};
constexpr uint64_t kMaxParts = 1u << 20;
constexpr uint64_t kWriteBackBytes = 8u << 20;
constexpr uint64_t kMaxPartSize = uint64_t{1} << 48;

uint64_t PartCount(uint64_t size, uint64_t part_size) {
  return std::max<uint64_t>(1, (size + part_size - 1) / part_size);
}

}  // namespace

PartTable::PartTable(PartialFile& partial, uint64_t size, uint64_t part_size)
    : content_(partial.descriptor()), path_(partial.path()), size_(size) {
  if (!Adopt(partial)) Begin(partial, part_size);
}

PartTable::~PartTable() {
  if (map_ != nullptr) ::munmap(map_, map_bytes_);
}

uint64_t* PartTable::counters() const {
  return reinterpret_cast<uint64_t*>(static_cast<std::byte*>(map_) + sizeof(Header));
}

void PartTable::Map(const std::filesystem::path& path) {
  const internal::Descriptor file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) FailFile("cannot open file", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) FailFile("cannot read file", path, errno);
  map_bytes_ = static_cast<size_t>(status.st_size);
  if (map_bytes_ < sizeof(Header)) return;
  void* map = ::mmap(nullptr, map_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) FailFile("cannot map file", path, errno);
  map_ = map;
}

bool PartTable::Adopt(const PartialFile& partial) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(partial.state_path(), failed) || failed) return false;
  Map(partial.state_path());
  if (map_ == nullptr) return false;
  Header header;
  std::memcpy(&header, map_, sizeof(header));
  bool good = std::memcmp(header.magic, kMagic, sizeof(kMagic)) == 0 && header.size == size_ &&
              header.part_size > 0 && header.part_size <= kMaxPartSize &&
              header.count <= kMaxParts &&
              header.count == PartCount(header.size, header.part_size) &&
              map_bytes_ == sizeof(Header) + header.count * sizeof(uint64_t);
  if (good) {
    part_size_ = header.part_size;
    count_ = header.count;
    const uint64_t there = partial.size();
    for (size_t part = 0; good && part < count_; ++part) {
      good = done(part) <= end(part) - begin(part) &&
             (done(part) == 0 || begin(part) + done(part) <= there);
    }
  }
  if (!good) {
    ::munmap(map_, map_bytes_);
    map_ = nullptr;
  }
  return good;
}

void PartTable::Begin(PartialFile& partial, uint64_t part_size) {
  partial.Reset();
  // Few enough to count; never zero.
  part_size_ = std::max({part_size, size_ / (kMaxParts - 1), uint64_t{1}});
  count_ = PartCount(size_, part_size_);
  Header header{.magic = {}, .size = size_, .part_size = part_size_, .count = count_};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  const std::filesystem::path state = partial.state_path();
  {
    const internal::Descriptor file(
        ::open(state.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) FailFile("cannot create file", state, errno);
    // Really there, not a hole: the mapping is written to, where a full disk could not be reported.
    const auto bytes = static_cast<off_t>(sizeof(header) + count_ * sizeof(uint64_t));
    const int failed = ::posix_fallocate(file.get(), 0, bytes);
    if (failed != 0) FailFile("cannot create file", state, failed);
  }
  Map(state);
  HYPR_CHECK(map_ != nullptr);
  // Last: without it the rest is not believed.
  std::memcpy(map_, &header, sizeof(header));
}

uint64_t PartTable::end(size_t part) const { return std::min(size_, (part + 1) * part_size_); }

uint64_t PartTable::done(size_t part) const {
  return std::atomic_ref<uint64_t>(counters()[part]).load(std::memory_order_acquire);
}

uint64_t PartTable::total_done() const {
  uint64_t total = 0;
  for (size_t part = 0; part < count_; ++part) total += done(part);
  return total;
}

uint64_t PartTable::frontier() const {
  uint64_t at = 0;
  for (size_t part = 0; part < count_; ++part) {
    at = begin(part) + done(part);
    if (at < end(part)) break;
  }
  return at;
}

void PartTable::Append(size_t part, std::span<const std::byte> bytes) {
  const uint64_t before = done(part);
  HYPR_CHECK(bytes.size() <= end(part) - begin(part) - before);
  uint64_t at = begin(part) + before;
  for (std::span<const std::byte> left = bytes; !left.empty();) {
    const ssize_t written = ::pwrite(content_, left.data(), left.size(), static_cast<off_t>(at));
    if (written < 0) {
      if (errno == EINTR) continue;
      FailFile("cannot write file", path_, errno);
    }
    left = left.subspan(static_cast<size_t>(written));
    at += static_cast<uint64_t>(written);
  }
  const uint64_t after = before + bytes.size();
  std::atomic_ref<uint64_t>(counters()[part]).store(after, std::memory_order_release);
#if defined(__linux__)
  // The disk begins now, not when the whole file is synced. Failing to is no error.
  const uint64_t from = before / kWriteBackBytes * kWriteBackBytes;
  const uint64_t to = after / kWriteBackBytes * kWriteBackBytes;
  if (to > from) {
    ::sync_file_range(content_, static_cast<off_t>(begin(part) + from),
                      static_cast<off_t>(to - from), SYNC_FILE_RANGE_WRITE);
  }
#endif
}

void PartTable::Clear(size_t part) {
  std::atomic_ref<uint64_t>(counters()[part]).store(0, std::memory_order_release);
}

}  // namespace hyprstream::registry
