// A file that is being fetched: it lies in the cache home as partial/ID, stays there when its
// writer is killed, and can then be continued. One process, and one thread in it, holds it at a
// time (a file lock, which the kernel drops with the process); others wait. Beside it, ID.state may
// say what the downloader knows of it. Errors are those of the file system: kIo, kPermissionDenied,
// kResourceExhausted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "registry/folders.h"

namespace hyprstream::registry {

class PartialFile {
 public:
  /// Makes `folder`/`id` or takes over what is there, waiting while another has it; `on_wait` is
  /// called once before that. `id` is a SHA-256 or a git SHA-1 in lower-case hexadecimal digits.
  /// Errors: kInvalidArgument for another id.
  static PartialFile Open(const std::filesystem::path& folder, std::string_view id,
                          const std::function<void()>& on_wait = {});

  PartialFile(PartialFile&&) noexcept = default;
  PartialFile& operator=(PartialFile&&) noexcept = default;

  const std::string& id() const { return id_; }
  std::filesystem::path path() const { return shown_ / id_; }
  /// Where the downloader may keep notes (parts that are done); goes with the file.
  std::filesystem::path state_path() const { return shown_ / (id_ + ".state"); }
  /// To read and write; owned by this object.
  int descriptor() const { return file_.get(); }

  std::uint64_t size() const;
  /// Empties it and forgets the state.
  void Reset();
  /// Removes it. The object can only be destroyed then.
  void Discard();

 private:
  friend class ContentFolder;
  PartialFile() = default;

  std::filesystem::path shown_;
  std::string id_;
  Descriptor folder_;
  Descriptor file_;
};

/// What is left in `folder` and in nobody's hands.
struct PartialLeftovers {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
enum class Leftovers { kCount, kRemove };
PartialLeftovers VisitLeftovers(const std::filesystem::path& folder, Leftovers what);

}  // namespace hyprstream::registry
