// Work inside a folder that nothing in it can lead out of: every step opens one part relative to
// the folder before it and refuses symbolic links, whatever another process does meanwhile. Names
// must have been checked (names.h). Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/posix_file.h"

namespace hyprstream::registry {

using internal::Descriptor;

enum class Missing { kCreate, kRefuse };

/// A folder, its parents included; links in `path` itself are the user's choice and are followed.
/// Errors: kIo, kPermissionDenied, kNotFound.
Descriptor OpenRoot(const std::filesystem::path& path, Missing missing);

/// The folder at `relative` ("a/b") below `root`; "" is `root` again. `shown` is `root`'s path, for
/// errors: kFailedPrecondition when a part is a link or a file, kNotFound, kIo.
Descriptor OpenBelow(int root, std::string_view relative, Missing missing,
                     const std::filesystem::path& shown);

struct Found {
  uint64_t size = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
};
/// A regular file of this name, not through a link; none for anything else.
std::optional<Found> FindFile(int folder, const std::string& name);
/// The same for a path below `root`; none when a folder on the way is missing or no folder.
std::optional<Found> FindFileBelow(int root, std::string_view relative);

/// Whatever has this name, folders with all that is in them. Links are removed, not followed.
/// Missing is fine. Errors: kIo, kPermissionDenied.
void RemoveTree(int folder, const std::string& name, const std::filesystem::path& shown);

/// The names in the folder but "." and "..". Errors: kIo.
std::vector<std::string> NamesIn(int folder);

/// An exclusive (or shared) lock of the whole file `name`, which is made when it is missing. It
/// goes with the descriptor, so with the process. kTry gives nothing when another holds it.
enum class LockKind { kExclusive, kShared, kTryExclusive };
Descriptor LockFile(int folder, const std::string& name, LockKind kind,
                    const std::filesystem::path& shown);

}  // namespace hyprstream::registry
