#include "registry/folder_change.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/error.h"
#include "base/uuid.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
using internal::FailFile;

constexpr std::string_view kStaging = ".staging";
constexpr const char* kNote = "target";
constexpr const char* kNew = "new";
constexpr const char* kOld = "old";

void WriteNote(int folder, const ModelKey& key, const fs::path& shown) {
  const std::string text = key.registry + "\n" + key.org + "\n" + key.name + "\n" + key.revision;
  const Descriptor note(
      ::openat(folder, kNote, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!note.valid()) FailFile("cannot create file", shown / kNote, errno);
  internal::WriteAll(note.get(), std::as_bytes(std::span(text)), shown / kNote);
  if (::fsync(note.get()) != 0) FailFile("cannot sync file", shown / kNote, errno);
  ::fsync(folder);
}

// None when the note was not finished: then nothing had been touched.
std::optional<ModelKey> ReadNote(int folder) {
  const Descriptor note(::openat(folder, kNote, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!note.valid()) return std::nullopt;
  char text[1024];
  const ssize_t count = ::read(note.get(), text, sizeof(text));
  if (count <= 0) return std::nullopt;
  std::string parts[4];
  size_t at = 0;
  for (const char c : std::string_view(text, static_cast<size_t>(count))) {
    if (c != '\n') {
      parts[at] += c;
    } else if (++at == std::size(parts)) {
      return std::nullopt;
    }
  }
  const ModelKey key{parts[0], parts[1], parts[2], parts[3]};
  try {
    CheckModelKey(key);
  } catch (const Error&) {
    return std::nullopt;
  }
  return key;
}

void SyncTree(int folder) {
  for (const std::string& name : NamesIn(folder)) {
    const Descriptor inner(
        ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inner.valid()) SyncTree(inner.get());
  }
  ::fsync(folder);
}

// Renames even where something has the name already: then the two change places.
bool RenameOrExchange(int from, const char* old_name, int to, const char* new_name) {
  if (::renameat2(from, old_name, to, new_name, RENAME_NOREPLACE) == 0) return true;
  return errno == EEXIST && ::renameat2(from, old_name, to, new_name, RENAME_EXCHANGE) == 0;
}

}  // namespace

FolderChange::FolderChange(int models, const fs::path& shown, const ModelKey& key)
    : FolderChange(models, shown, key, Found{RandomUuid()}) {
  const fs::path where = shown_ / kStaging / id_;
  own_ = OpenBelow(staging_.get(), id_, Missing::kCreate, shown_ / kStaging);
  WriteNote(own_.get(), key, where);
  ::fsync(staging_.get());
}

FolderChange::FolderChange(int models, const fs::path& shown, const ModelKey& key, Found found)
    : models_(models), shown_(shown), id_(std::move(found.id)) {
  const std::string path = FolderOf(key);
  const size_t slash = path.rfind('/');
  target_ = path.substr(0, slash);
  leaf_ = path.substr(slash + 1);
  staging_ = OpenBelow(models, kStaging, Missing::kCreate, shown);
}

void FolderChange::Build(std::span<const FileRecord> files, const ContentFolder& contents,
                         Absent absent) {
  const fs::path where = shown_ / kStaging / id_ / kNew;
  RemoveTree(own_.get(), kNew, where);
  const Descriptor folder = OpenBelow(own_.get(), kNew, Missing::kCreate, where.parent_path());
  for (const FileRecord& file : files) {
    CheckFilePath(file.path);
    if (!contents.Find(file.sha256)) {
      if (absent == Absent::kSkip) continue;
      throw Error(ErrorCode::kNotFound, {.message = "the store has lost the content of a file",
                                         .expected = contents.PathOf(file.sha256).string(),
                                         .where = file.path,
                                         .hint = "pull the model again"});
    }
    const size_t slash = file.path.rfind('/');
    const bool nested = slash != std::string::npos;
    const Descriptor inner = OpenBelow(
        folder.get(), nested ? std::string_view(file.path).substr(0, slash) : std::string_view(),
        Missing::kCreate, where);
    contents.Link(file.sha256, inner.get(), nested ? file.path.substr(slash + 1) : file.path,
                  where);
  }
  SyncTree(folder.get());
}

void FolderChange::Install() {
  const Descriptor parent = OpenBelow(models_, target_, Missing::kCreate, shown_);
  if (!RenameOrExchange(own_.get(), kNew, parent.get(), leaf_.c_str())) {
    // A file system that cannot exchange: a moment without the folder, which the note covers.
    if (errno != EINVAL && errno != ENOSYS) {
      FailFile("cannot rename", shown_ / target_ / leaf_, errno);
    }
    TakeAway();
    if (::renameat(own_.get(), kNew, parent.get(), leaf_.c_str()) != 0) {
      FailFile("cannot rename", shown_ / target_ / leaf_, errno);
    }
  }
  ::fsync(parent.get());
}

void FolderChange::TakeAway() {
  try {
    const Descriptor parent = OpenBelow(models_, target_, Missing::kRefuse, shown_);
    RemoveTree(own_.get(), kOld, shown_ / kStaging / id_);
    if (::renameat(parent.get(), leaf_.c_str(), own_.get(), kOld) != 0 && errno != ENOENT) {
      FailFile("cannot rename", shown_ / target_ / leaf_, errno);
    }
    ::fsync(parent.get());
  } catch (const Error& error) {
    // A link on the way: what is behind it is not the store's and stays.
    if (error.code() != ErrorCode::kNotFound && error.code() != ErrorCode::kFailedPrecondition) {
      throw;
    }
  }
  // Parents that this leaves empty go too; others refuse to.
  for (std::string path = target_; !path.empty();) {
    const size_t slash = path.rfind('/');
    const size_t name = slash == std::string::npos ? 0 : slash + 1;
    const std::string above = path.substr(0, name == 0 ? 0 : slash);
    try {
      const Descriptor folder = OpenBelow(models_, above, Missing::kRefuse, shown_);
      if (::unlinkat(folder.get(), path.c_str() + name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        break;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) break;  // nothing of ours to tidy
    }
    path = above;
  }
}

void FolderChange::Finish() {
  // The note goes last.
  RemoveTree(own_.get(), kNew, shown_ / kStaging / id_);
  RemoveTree(own_.get(), kOld, shown_ / kStaging / id_);
  RemoveTree(staging_.get(), id_, shown_ / kStaging);
}

bool HasOpenChanges(int models) {
  const Descriptor staging(::openat(models, std::string(kStaging).c_str(),
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return staging.valid() && !NamesIn(staging.get()).empty();
}

bool IsLinked(int models, const ModelRecord& model, const ContentFolder& contents) {
  const std::string folder = FolderOf(model.key) + "/";
  for (const FileRecord& file : model.files) {
    const auto content = contents.Find(file.sha256);
    const auto link = FindFileBelow(models, folder + file.path);
    if (!content || !link || content->inode != link->inode || content->device != link->device) {
      return false;
    }
  }
  return true;
}

void RepairFolders(int models, const fs::path& shown, const ContentFolder& contents,
                   Database& database) {
  const Descriptor staging = OpenBelow(models, kStaging, Missing::kCreate, shown);
  for (const std::string& id : NamesIn(staging.get())) {
    std::optional<ModelKey> key;
    try {
      const Descriptor own = OpenBelow(staging.get(), id, Missing::kRefuse, shown / kStaging);
      key = ReadNote(own.get());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kFailedPrecondition) throw;
    }
    if (!key) {
      RemoveTree(staging.get(), id, shown / kStaging);
      continue;
    }
    FolderChange change(models, shown, *key, FolderChange::Found{id});
    change.own_ = OpenBelow(staging.get(), id, Missing::kRefuse, shown / kStaging);
    try {
      if (const std::optional<ModelRecord> record = ReadModel(database, *key)) {
        change.Build(record->files, contents, FolderChange::Absent::kSkip);
        change.Install();
      } else {
        change.TakeAway();
      }
    } catch (const Error& error) {
      // A link on the way to the folder: what is behind it is not ours, and verifying will say that
      // the files are missing.
      if (error.code() != ErrorCode::kFailedPrecondition) throw;
    }
    change.Finish();
  }
}

}  // namespace hyprstream::registry
