// Files that the Hub's Python client has downloaded become content of the store: as another name of
// the same bytes where the file system allows, else as a copy. They are hashed first.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "registry/download.h"
#include "registry/hub_cache.h"
#include "registry/hugging_face.h"
#include "registry/store.h"

namespace hyprstream::registry {

/// What the cache holds of a commit; hashes where the cache's names tell them.
std::vector<RepositoryFile> SnapshotFiles(const HubCache& cache, const std::string& repository,
                                          const std::string& commit);

/// Nothing when the file is not what `wanted` says. Without a hash there, the cache's own name of
/// the file is the one it must have. Errors: those of Store.
std::optional<FileRecord> TakeCopy(const std::filesystem::path& file, const RemoteFile& wanted,
                                   Store& store);

}  // namespace hyprstream::registry
