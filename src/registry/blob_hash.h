// The two names of a content that hubs use, computed in one pass: its SHA-256, and the id that git
// gives a blob, the SHA-1 of "blob SIZE\0" and the content. One thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/hash.h"

namespace hyprstream::registry {

/// Lower-case hexadecimal.
struct BlobNames {
  std::string sha256;
  std::string git_sha1;  // empty unless asked for
};

class BlobHash {
 public:
  enum class Git { kNo, kYes };
  BlobHash(uint64_t size, Git git);
  ~BlobHash();
  void Update(std::span<const std::byte> bytes);
  BlobNames Finish();

 private:
  struct Sha1;
  Sha256 sha256_;
  std::unique_ptr<Sha1> sha1_;
};

}  // namespace hyprstream::registry
