// The cache of the Hub's Python client, read and never written: a model that Python has downloaded
// is not downloaded again. A snapshot may be incomplete and its links may lead anywhere, so each
// file is looked at by itself, and only one inside the cache counts. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace hyprstream::registry {

class HubCache {
 public:
  /// `folder` may not exist: then nothing is found.
  explicit HubCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// What a branch or tag meant when Python last asked; a commit is itself.
  std::optional<std::string> Commit(const std::string& repository,
                                    const std::string& revision) const;
  /// The folder with the commit's files, as far as they were downloaded.
  std::optional<std::filesystem::path> Snapshot(const std::string& repository,
                                                const std::string& commit) const;
  /// The file itself, links resolved.
  std::optional<std::filesystem::path> File(const std::string& repository,
                                            const std::string& commit,
                                            const std::string& name) const;

 private:
  std::filesystem::path RepositoryFolder(const std::string& repository) const;

  std::filesystem::path folder_;
};

}  // namespace hyprstream::registry
