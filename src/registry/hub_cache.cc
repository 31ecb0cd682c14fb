#include "registry/hub_cache.h"

#include <algorithm>
#include <fstream>

#include "registry/reference.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

/// Both without links and dots.
bool IsInside(const fs::path& path, const fs::path& folder) {
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end() && rest != path.end();
}

}  // namespace

fs::path HubCache::RepositoryFolder(const std::string& repository) const {
  std::string name = "models--" + repository;
  if (const size_t slash = name.find('/'); slash != std::string::npos) {
    name.replace(slash, 1, "--");
  }
  return folder_ / name;
}

std::optional<std::string> HubCache::Commit(const std::string& repository,
                                            const std::string& revision) const {
  if (folder_.empty()) return {};
  if (IsCommit(revision)) return revision;
  std::ifstream stream(RepositoryFolder(repository) / "refs" /
                       (revision.empty() ? "main" : revision));
  std::string commit;
  if (!(stream >> commit) || !IsCommit(commit)) return {};
  return commit;
}

std::optional<fs::path> HubCache::Snapshot(const std::string& repository,
                                           const std::string& commit) const {
  if (folder_.empty()) return {};
  const fs::path snapshot = RepositoryFolder(repository) / "snapshots" / commit;
  std::error_code failed;
  if (!fs::is_directory(snapshot, failed)) return {};
  return snapshot;
}

std::optional<fs::path> HubCache::File(const std::string& repository, const std::string& commit,
                                       const std::string& name) const {
  const auto snapshot = Snapshot(repository, commit);
  if (!snapshot) return {};
  std::error_code failed;
  const fs::path file = fs::canonical(*snapshot / name, failed);
  if (failed || !fs::is_regular_file(file, failed)) return {};
  const fs::path cache = fs::canonical(folder_, failed);
  if (failed || !IsInside(file, cache)) return {};
  return file;
}

}  // namespace hyprstream::registry
