// The Hugging Face Hub's API: what a repository holds at a commit, where its files are, what there
// is to find. Every answer is from a stranger: commits, hashes, names and sizes are checked before
// anybody uses them. Errors name the repository, what the hub said, and what to do; never the
// token.
//
// One thread per object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/download.h"
#include "registry/http_client.h"
#include "registry/hub_settings.h"
#include "registry/retry.h"

namespace hyprstream::registry {

struct RepositoryFile {
  std::string name;
  std::optional<uint64_t> size = {};
  std::string sha256 = {};    // of files in LFS, when the listing says it
  std::string git_sha1 = {};  // of others, likewise
};

struct Repository {
  std::string id;      // as the hub spells it
  std::string commit;  // 40 hexadecimal digits
  std::vector<RepositoryFile> files;
};

struct RepositoryHit {
  std::string id;
  std::string task;  // "text-generation"; may be empty
  uint64_t downloads = 0;
  uint64_t likes = 0;
  std::string modified;  // ISO 8601; may be empty
  bool gated = false;
};

class HuggingFace {
 public:
  explicit HuggingFace(const HubSettings& settings, RetryOptions retries = {},
                       std::stop_token stop = {});

  const HubSettings& settings() const { return settings_; }

  /// `revision`: empty for the main branch. Errors: kNotFound, kUnauthenticated,
  /// kPermissionDenied (gated, disabled), kUnavailable, kDataLoss, kFailedPrecondition offline.
  Repository Look(const std::string& repository, const std::string& revision);

  /// The file's size, hash and present address. Errors: as for Look; kDataLoss when the server is
  /// no hub or its answer contradicts `file`.
  struct Located {
    RemoteFile file;
    RemoteAddress address;
  };
  Located Locate(const std::string& repository, const std::string& commit,
                 const RepositoryFile& file);

  /// At most `limit`, page after page.
  std::vector<RepositoryHit> Search(const std::string& words, const std::string& author,
                                    size_t limit);

  /// Whose token it is. Errors: kUnauthenticated.
  std::string WhoAmI();

 private:
  HttpResponse Get(const std::string& url, const std::string& repository,
                   const std::string& revision);
  std::vector<RepositoryFile> Tree(const std::string& repository, const std::string& commit);

  HubSettings settings_;
  RetryOptions retries_;
  HttpClient client_;
};

/// What an unhappy answer about a repository means. `what`: the repository, and the file if it is
/// about one.
[[noreturn]] void FailHub(const HttpResponse& response, const HubSettings& settings,
                          const std::string& what, const std::string& revision);

/// Errors: kFailedPrecondition when no connection may be made.
void RequireOnline(const HubSettings& settings, std::string_view what);

}  // namespace hyprstream::registry
