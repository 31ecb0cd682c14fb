// Which bytes of a partial file are there. The file is divided into parts of one size, each filled
// from its beginning; how far every part has come stands in the partial file's state, a small file
// mapped into memory, so that a writer killed at any moment leaves what it knew: bytes are written
// before they are counted. After a loss of power the two may disagree, which the content's hash
// finds out.
//
// Each part is advanced by one thread; the rest may be called by any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "registry/partial_file.h"

namespace hyprstream::registry {

class PartTable {
 public:
  /// Takes over what is in `partial` when it was begun for `size` bytes; else empties it and begins
  /// with parts of `part_size`. Errors: kIo, kPermissionDenied, kResourceExhausted.
  PartTable(PartialFile& partial, uint64_t size, uint64_t part_size);
  ~PartTable();
  PartTable(const PartTable&) = delete;
  PartTable& operator=(const PartTable&) = delete;

  size_t count() const { return count_; }
  uint64_t size() const { return size_; }
  uint64_t begin(size_t part) const { return part * part_size_; }
  uint64_t end(size_t part) const;
  uint64_t done(size_t part) const;
  bool complete(size_t part) const { return begin(part) + done(part) == end(part); }

  /// Bytes that are there, all parts together.
  uint64_t total_done() const;
  /// How many bytes from the file's beginning are there without a gap.
  uint64_t frontier() const;

  /// Writes the part's next bytes. Errors: those of the file system.
  void Append(size_t part, std::span<const std::byte> bytes);
  /// The part begins anew.
  void Clear(size_t part);

 private:
  struct Header;
  bool Adopt(const PartialFile& partial);
  void Begin(PartialFile& partial, uint64_t part_size);
  void Map(const std::filesystem::path& path);
  uint64_t* counters() const;

  int content_;
  std::filesystem::path path_;
  uint64_t size_;
  uint64_t part_size_ = 1;
  size_t count_ = 0;
  void* map_ = nullptr;
  size_t map_bytes_ = 0;
};

}  // namespace hyprstream::registry
