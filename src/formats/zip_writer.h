// ZIP archives of stored entries, written front to back: every entry's data begins at a multiple of
// 64 bytes, so that a reader can map it. One thread per object. Facts: APPNOTE.TXT of PKWARE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace hyprstream::formats {

class ZipWriter {
 public:
  static constexpr uint64_t kAlignment = 64;

  using Write = std::function<void(std::span<const std::byte>)>;
  explicit ZipWriter(Write write) : write_(std::move(write)) {}

  /// Errors: kLimit when the archive would reach 4 GiB; those of `write`.
  void Add(const std::string& name, std::span<const std::byte> bytes);
  /// The directory. Nothing may be added afterwards.
  void Finish();

 private:
  struct Entry {
    std::string name;
    uint32_t crc = 0;
    uint32_t bytes = 0;
    uint32_t offset = 0;
  };

  void Put(const std::string& bytes);

  Write write_;
  uint64_t offset_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace hyprstream::formats
