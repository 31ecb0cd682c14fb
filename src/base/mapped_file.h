// A read-only memory mapping of a whole file. Opening costs no reading: pages arrive when touched.
// Immutable after Open, so any thread may read it. Views into bytes() live as long as the object.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace hyprstream {

class MappedFile {
 public:
  /// Errors: kNotFound, kPermissionDenied or kIo, naming the path. An empty file maps to zero
  /// bytes.
  static std::shared_ptr<const MappedFile> Open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Tells the kernel that the pages of `part` will not be needed soon; their memory can be reused.
  void DropPages(std::span<const std::byte> part) const;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::filesystem::path path_;
  const std::byte* data_;
  size_t size_;
};

}  // namespace hyprstream
