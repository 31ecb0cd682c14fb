#include "registry/hub_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/mapped_file.h"
#include "registry/blob_hash.h"
#include "registry/names.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

void CopyInto(const MappedFile& file, PartialFile& partial) {
  partial.Reset();
  internal::WriteAll(partial.descriptor(), file.bytes(), partial.path());
}

}  // namespace

std::vector<RepositoryFile> SnapshotFiles(const HubCache& cache, const std::string& repository,
                                          const std::string& commit) {
  std::vector<RepositoryFile> files;
  const fs::path snapshot = cache.Snapshot(repository, commit).value_or(fs::path());
  std::error_code failed;
  for (auto entry = fs::recursive_directory_iterator(snapshot, failed);
       !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    std::error_code ignored;
    const std::string name = entry->path().lexically_relative(snapshot).generic_string();
    const auto path = cache.File(repository, commit, name);
    if (!path) continue;
    RepositoryFile file{.name = name};
    file.size = fs::file_size(*path, ignored);
    const std::string blob = path->filename().string();
    if (IsSha256(blob)) file.sha256 = blob;
    if (IsGitSha1(blob)) file.git_sha1 = blob;
    files.push_back(std::move(file));
  }
  return files;
}

std::optional<FileRecord> TakeCopy(const fs::path& path, const RemoteFile& wanted, Store& store) {
  std::error_code failed;
  if (fs::file_size(path, failed) != wanted.size || failed) return {};
  const std::string blob = path.filename().string();
  std::string sha256 = wanted.sha256, git_sha1 = wanted.git_sha1;
  if (sha256.empty() && git_sha1.empty()) (IsSha256(blob) ? sha256 : git_sha1) = blob;
  const auto file = MappedFile::Open(path);
  BlobHash hash(file->bytes().size(), BlobHash::Git::kYes);
  hash.Update(file->bytes());
  const BlobNames names = hash.Finish();
  if (!sha256.empty() ? names.sha256 != sha256 : names.git_sha1 != git_sha1) return {};
  PartialFile partial = store.OpenPartial(sha256.empty() ? names.git_sha1 : names.sha256);
  if (!store.Share(path, partial, names.sha256)) {
    CopyInto(*file, partial);
    store.Keep(std::move(partial), names.sha256);
  }
  return FileRecord{.path = wanted.name, .size = wanted.size, .sha256 = names.sha256};
}

}  // namespace hyprstream::registry
