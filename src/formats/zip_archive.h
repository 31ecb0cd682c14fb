// ZIP archives as PyTorch writes them, read through the central directory alone: stored entries are
// views, deflated ones are inflated under a limit. Anything that could be understood in two ways
// (overlapping entries, repeated names, names that leave the folder) is refused. Facts: APPNOTE.TXT
// of PKWARE, sections 4.3 and 4.5.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::formats {

struct ZipEntry {
  std::string name = {};
  uint64_t header_offset = 0;
  uint64_t data_offset = 0;
  uint64_t stored_bytes = 0;  // in the file
  uint64_t bytes = 0;         // after inflation
  uint32_t crc = 0;
  bool deflated = false;
};

class ZipArchive {
 public:
  /// What all deflated entries together may inflate to.
  static constexpr uint64_t kMaxInflatedBytes = uint64_t{256} << 20;

  /// `file` must outlive the object. Errors: kDataLoss; kUnsupported for encryption, several disks
  /// and other methods.
  explicit ZipArchive(std::span<const std::byte> file);

  std::span<const ZipEntry> entries() const { return entries_; }
  /// Null when there is none of that name.
  const ZipEntry* Find(std::string_view name) const;

  /// The entry's bytes, its checksum checked: a view into the file, or into memory of the object
  /// for a deflated one, which is inflated once. Errors: kDataLoss; kLimit.
  std::span<const std::byte> Read(const ZipEntry& entry);

 private:
  void ReadDirectory();
  void CheckOverlap() const;
  std::span<const std::byte> Inflate(const ZipEntry& entry);

  std::span<const std::byte> file_;
  std::vector<ZipEntry> entries_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::vector<std::byte>, std::less<>> inflated_;
  uint64_t inflated_bytes_ = 0;
};

}  // namespace hyprstream::formats
