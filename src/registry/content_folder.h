// The bytes of all models, each content once, as .blobs/SHA256. A file gets its name here when it
// is whole and on the disk; models' folders hold hard links to it, so that a model in use keeps its
// bytes whatever is removed. Files are read-only: a model's file and the content are one. The store
// locks; this class does not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/folders.h"
#include "registry/partial_file.h"

namespace hyprstream::registry {

class ContentFolder {
 public:
  /// `models` is the store's folder; makes .blobs in it.
  explicit ContentFolder(const std::filesystem::path& models);

  std::optional<Found> Find(std::string_view sha256) const;
  std::filesystem::path PathOf(std::string_view sha256) const;

  /// Syncs the file and gives it its name, in place of what had it. Copies when the cache is on
  /// another file system. Errors: kResourceExhausted, kIo, kPermissionDenied.
  void Keep(PartialFile&& partial, std::string_view sha256) const;

  /// Takes in a file that lies elsewhere and is not written any more, as another name of the same
  /// bytes. False where the file system has no such thing. The caller holds the partial file of
  /// that content.
  bool Share(const std::filesystem::path& file, std::string_view sha256) const;

  /// Another name for the content. Errors: kNotFound when it is missing; kUnsupported on a file
  /// system without hard links; kIo.
  void Link(std::string_view sha256, int folder, const std::string& name,
            const std::filesystem::path& shown) const;

  /// Errors: kIo. Missing is fine.
  void Remove(std::string_view sha256) const;

  struct Content {
    std::string sha256;
    std::uint64_t size = 0;
  };
  std::vector<Content> List() const;
  /// Removes copies that were interrupted.
  void RemoveDebris() const;

 private:
  void CopyIn(const PartialFile& partial, const std::string& sha256) const;

  std::filesystem::path shown_;
  Descriptor folder_;
};

}  // namespace hyprstream::registry
