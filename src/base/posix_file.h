// What the classes that speak to the file system share: a descriptor that closes itself, and the
// errors of system calls as Errors. For base and for the model store.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace hyprstream::internal {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Take()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Take();

 private:
  int fd_;
};

/// Throws what `error_number` means: kNotFound, kPermissionDenied, kResourceExhausted or kIo.
[[noreturn]] void FailFile(std::string_view what, const std::filesystem::path& path,
                           int error_number);

/// Errors: those of FailFile, naming `path`.
void WriteAll(int descriptor, std::span<const std::byte> bytes, const std::filesystem::path& path);

/// The folder that holds `file`; "." for a bare name.
std::filesystem::path FolderOf(const std::filesystem::path& file);

/// Makes a rename in the folder last. Failing to is not an error: not every file system can.
void SyncFolder(const std::filesystem::path& folder);

}  // namespace hyprstream::internal
