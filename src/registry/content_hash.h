// SHA-256 of files, at the speed of the disk or of the hash, whichever is less. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace hyprstream::registry {

struct ContentHash {
  std::string sha256;
  std::uint64_t size = 0;

  bool operator==(const ContentHash&) const = default;
};

/// Told how many bytes were hashed since it was last told.
using HashAdvance = std::function<void(std::uint64_t)>;

/// Links are followed: this reads what a loader would read. Errors: kNotFound, kPermissionDenied,
/// kIo.
ContentHash HashFile(const std::filesystem::path& path, const HashAdvance& advance = {});

}  // namespace hyprstream::registry
