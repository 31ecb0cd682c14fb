#include "registry/store.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "adapters/catalog.h"
#include "base/error.h"
#include "base/sqlite.h"
#include "registry/content_folder.h"
#include "registry/content_hash.h"
#include "registry/folder_change.h"
#include "registry/reserve.h"

namespace hyprstream::registry {

namespace fs = std::filesystem;

struct Store::Impl {
  explicit Impl(StorePaths where)
      : paths(std::move(where)),
        models(paths.data_home / "models"),
        root(OpenRoot(models, Missing::kCreate)),
        contents(models),
        database(adapters::CatalogPath(paths.data_home)) {
    MakeModelTables(database);
    if (!HasOpenChanges(root.get())) return;
    const Descriptor lock = Lock();
    RepairFolders(root.get(), models, contents, database);
  }

  ~Impl() { TakeReserve(root.get()); }

  Descriptor Lock() const { return LockFile(root.get(), ".lock", LockKind::kExclusive, models); }

  // Nobody else removes content until this store goes away or prunes.
  void Hold() {
    if (!held.valid()) held = LockFile(root.get(), ".fetching", LockKind::kShared, models);
  }
  // Not valid while another process holds.
  Descriptor Alone() {
    held = Descriptor();
    return LockFile(root.get(), ".fetching", LockKind::kTryExclusive, models);
  }

  void CheckFiles(std::span<const FileRecord> files) const;
  void Relink(std::span<const FileRecord> files, const ModelKey& but);
  RemovedModel Prune(std::span<const FileRecord> files);
  // Brings folder and catalogue together again when a change fails in the middle.
  template <typename Change>
  void Changing(Change&& change) {
    try {
      change();
    } catch (...) {
      RepairFolders(root.get(), models, contents, database);
      throw;
    }
  }

  // What makes room works on a full disk too.
  template <typename Work>
  auto WithReserve(Work&& work) {
    try {
      return work();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kResourceExhausted || !GiveUpReserve(root.get())) throw;
    }
    return work();
  }

  StorePaths paths;
  fs::path models;
  Descriptor root;
  ContentFolder contents;
  Database database;
  Descriptor held;
  std::mutex mutex;
};

namespace {

[[noreturn]] void NotStored(const ModelKey& key, const std::vector<ModelRecord>& known) {
  std::string names;
  for (const ModelRecord& model : known) {
    names += (names.empty() ? "" : ", ") + Spelled(model.key);
  }
  throw Error(ErrorCode::kNotFound, {.message = "the store has no such model",
                                     .expected = names.empty() ? "nothing is stored yet" : names,
                                     .found = Spelled(key)});
}

// New files in front; of those there were, the ones under other names.
std::vector<FileRecord> Together(std::span<const FileRecord> files,
                                 const std::optional<ModelRecord>& before) {
  std::vector<FileRecord> all(files.begin(), files.end());
  if (!before) return all;
  for (const FileRecord& file : before->files) {
    const bool named = std::any_of(files.begin(), files.end(),
                                   [&](const FileRecord& f) { return f.path == file.path; });
    if (!named) all.push_back(file);
  }
  return all;
}

bool IsCommitPrefix(std::string_view text) {
  return text.size() >= 7 && text.size() <= 40 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

void Store::Impl::CheckFiles(std::span<const FileRecord> files) const {
  std::set<std::string_view> names;
  for (const FileRecord& file : files) {
    CheckFilePath(file.path);
    CheckSha256(file.sha256);
    if (!names.insert(file.path).second) {
      throw Error(ErrorCode::kInvalidArgument, {.message = "a model has two files of one name",
                                                .found = "\"" + Shown(file.path) + "\""});
    }
    const std::optional<Found> content = contents.Find(file.sha256);
    if (content && content->size == file.size) continue;
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "the content of a file is not in the store",
                 .expected = std::to_string(file.size) + " bytes at " +
                             contents.PathOf(file.sha256).string(),
                 .found = content ? std::to_string(content->size) + " bytes" : "no such file",
                 .where = Shown(file.path),
                 .hint = "pull the model again"});
  }
}

// Models that link to content which has been replaced since.
void Store::Impl::Relink(std::span<const FileRecord> files, const ModelKey& but) {
  std::set<std::string_view> replaced;
  for (const FileRecord& file : files) replaced.insert(file.sha256);
  for (const ModelRecord& model : ReadModels(database)) {
    const bool shares = std::any_of(
        model.files.begin(), model.files.end(),
        [&](const FileRecord& file) { return replaced.contains(std::string_view(file.sha256)); });
    if (model.key == but || !shares || IsLinked(root.get(), model, contents)) continue;
    FolderChange change(root.get(), models, model.key);
    change.Build(model.files, contents, FolderChange::Absent::kSkip);
    change.Install();
    change.Finish();
  }
}

// Content of files whose model is gone.
RemovedModel Store::Impl::Prune(std::span<const FileRecord> files) {
  RemovedModel removed;
  const Descriptor alone = Alone();
  std::set<std::string_view> done;
  for (const FileRecord& file : files) {
    if (!done.insert(file.sha256).second) continue;
    if (IsReferenced(database, file.sha256)) {
      removed.bytes_shared += file.size;
      continue;
    }
    const std::optional<Found> content = contents.Find(file.sha256);
    if (!content) continue;
    (alone.valid() ? removed.bytes_freed : removed.bytes_busy) += content->size;
    if (alone.valid()) contents.Remove(file.sha256);
  }
  return removed;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::Open(const StorePaths& paths) {
  try {
    return Store(std::make_unique<Impl>(paths));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kResourceExhausted) throw;
    if (!GiveUpReserve(OpenRoot(paths.data_home / "models", Missing::kCreate).get())) throw;
  }
  return Store(std::make_unique<Impl>(paths));
}

std::optional<Store> Store::OpenExisting(const StorePaths& paths) {
  std::error_code failed;
  if (!fs::is_directory(paths.data_home / "models" / ".blobs", failed)) return std::nullopt;
  return Open(paths);
}

const StorePaths& Store::paths() const { return impl_->paths; }

PartialFile Store::OpenPartial(std::string_view content_id, const std::function<void()>& on_wait) {
  {
    const std::scoped_lock guard(impl_->mutex);
    impl_->Hold();
  }
  return PartialFile::Open(impl_->paths.cache_home / "partial", content_id, on_wait);
}

bool Store::HasContent(std::string_view sha256) const {
  const std::scoped_lock guard(impl_->mutex);
  impl_->Hold();
  return impl_->contents.Find(sha256).has_value();
}

std::optional<std::string> Store::FindContent(std::string_view content_id) const {
  const std::scoped_lock guard(impl_->mutex);
  impl_->Hold();
  std::optional<std::string> sha256 =
      IsSha256(content_id) ? std::string(content_id) : ReadContentName(impl_->database, content_id);
  if (sha256 && !impl_->contents.Find(*sha256)) sha256.reset();
  return sha256;
}

bool Store::IsIntact(std::string_view sha256, std::uint64_t size,
                     const HashAdvance& advance) const {
  if (!HasContent(sha256)) return false;
  const ContentHash found = HashFile(impl_->contents.PathOf(sha256), advance);
  return found.size == size && found.sha256 == sha256;
}

void Store::Keep(PartialFile&& partial, std::string_view sha256) {
  const std::scoped_lock guard(impl_->mutex);
  impl_->Hold();
  const std::string id = partial.id();
  impl_->contents.Keep(std::move(partial), sha256);
  if (id != sha256) WriteContentName(impl_->database, id, sha256);
}

bool Store::Share(const std::filesystem::path& file, PartialFile& partial,
                  std::string_view sha256) {
  const std::scoped_lock guard(impl_->mutex);
  impl_->Hold();
  if (!impl_->contents.Share(file, sha256)) return false;
  if (partial.id() != sha256) WriteContentName(impl_->database, partial.id(), sha256);
  partial.Discard();
  return true;
}

void Store::Publish(const ModelKey& key, std::span<const FileRecord> files,
                    std::string_view source_url, Existing existing) {
  CheckModelKey(key);
  const std::scoped_lock guard(impl_->mutex);
  impl_->Hold();
  const Descriptor lock = impl_->Lock();
  const std::optional<ModelRecord> before = ReadModel(impl_->database, key);
  const std::vector<FileRecord> all = existing == Existing::kAddTo
                                          ? Together(files, before)
                                          : std::vector<FileRecord>(files.begin(), files.end());
  impl_->CheckFiles(files);
  impl_->Changing([&] {
    FolderChange change(impl_->root.get(), impl_->models, key);
    // A file of before whose content was lost stays in the catalogue: verifying says what is wrong.
    change.Build(all, impl_->contents, FolderChange::Absent::kSkip);
    Transaction transaction(impl_->database);
    WriteModel(impl_->database, key, all, source_url);
    change.Install();
    transaction.Commit();
    change.Finish();
    impl_->Relink(files, key);
  });
  if (before && existing == Existing::kReplace) {
    std::vector<FileRecord> gone;
    for (const FileRecord& file : before->files) {
      if (!IsReferenced(impl_->database, file.sha256)) gone.push_back(file);
    }
    if (!gone.empty()) impl_->Prune(gone);
  }
}

void Store::SetRef(const ModelKey& key, std::string_view ref) {
  CheckModelKey(key);
  CheckFilePath(ref);
  const std::scoped_lock guard(impl_->mutex);
  if (!ReadModel(impl_->database, key)) NotStored(key, ReadModels(impl_->database));
  WriteRef(impl_->database, key, ref);
}

std::vector<ModelRecord> Store::List() const {
  const std::scoped_lock guard(impl_->mutex);
  return ReadModels(impl_->database);
}

std::optional<ModelRecord> Store::Find(std::string_view registry, std::string_view org,
                                       std::string_view name, std::string_view revision) const {
  const std::scoped_lock guard(impl_->mutex);
  Database& database = impl_->database;
  const auto exactly = [&](std::string_view wanted) {
    return ReadModel(database, {std::string(registry), std::string(org), std::string(name),
                                std::string(wanted)});
  };
  const auto meant = [&](std::string_view ref) -> std::optional<ModelRecord> {
    if (auto model = exactly(ref)) return model;
    const std::optional<std::string> target = ReadRef(database, registry, org, name, ref);
    return target ? exactly(*target) : std::nullopt;
  };
  if (!revision.empty()) {
    if (auto model = meant(revision)) return model;
    if (!IsCommitPrefix(revision)) return std::nullopt;
  } else if (auto model = meant(registry == "ollama" ? "latest" : "main")) {
    return model;
  }
  for (ModelRecord& model : ReadModels(database)) {
    const ModelKey& key = model.key;
    if (key.registry == registry && key.org == org && key.name == name &&
        key.revision.starts_with(revision)) {
      return std::move(model);
    }
  }
  return std::nullopt;
}

fs::path Store::FolderOf(const ModelKey& key) const {
  CheckModelKey(key);
  return impl_->models / registry::FolderOf(key);
}

fs::path Store::ContentPath(std::string_view sha256) const {
  CheckSha256(sha256);
  return impl_->contents.PathOf(sha256);
}

StoreUsage Store::Usage() const {
  const std::scoped_lock guard(impl_->mutex);
  StoreUsage usage;
  for (const ModelRecord& model : ReadModels(impl_->database)) {
    ++usage.models;
    usage.files += model.files.size();
    usage.file_bytes += model.size();
  }
  for (const ContentFolder::Content& content : impl_->contents.List()) {
    usage.content_bytes += content.size;
    if (IsReferenced(impl_->database, content.sha256)) continue;
    ++usage.unused_contents;
    usage.unused_bytes += content.size;
  }
  usage.partial = VisitLeftovers(impl_->paths.cache_home / "partial", Leftovers::kCount);
  return usage;
}

RemovedModel Store::Remove(const ModelKey& key) {
  CheckModelKey(key);
  const std::scoped_lock guard(impl_->mutex);
  return impl_->WithReserve([&] {
    const Descriptor lock = impl_->Lock();
    const std::optional<ModelRecord> model = ReadModel(impl_->database, key);
    if (!model) NotStored(key, ReadModels(impl_->database));
    impl_->Changing([&] {
      FolderChange change(impl_->root.get(), impl_->models, key);
      Transaction transaction(impl_->database);
      EraseModel(impl_->database, key);
      transaction.Commit();
      change.TakeAway();
      change.Finish();
    });
    return impl_->Prune(model->files);
  });
}

RemovedModel Store::RemoveFiles(const ModelKey& key, std::span<const std::string> paths) {
  CheckModelKey(key);
  const std::scoped_lock guard(impl_->mutex);
  return impl_->WithReserve([&] {
    const Descriptor lock = impl_->Lock();
    const std::optional<ModelRecord> model = ReadModel(impl_->database, key);
    if (!model) NotStored(key, ReadModels(impl_->database));
    std::vector<FileRecord> stay;
    std::vector<FileRecord> go;
    for (const FileRecord& file : model->files) {
      (std::ranges::find(paths, file.path) == paths.end() ? stay : go).push_back(file);
    }
    impl_->Changing([&] {
      FolderChange change(impl_->root.get(), impl_->models, key);
      change.Build(stay, impl_->contents, FolderChange::Absent::kSkip);
      Transaction transaction(impl_->database);
      WriteModel(impl_->database, key, stay, model->source_url);
      change.Install();
      transaction.Commit();
      change.Finish();
    });
    return impl_->Prune(go);
  });
}

CleanupResult Store::Cleanup() {
  const std::scoped_lock guard(impl_->mutex);
  return impl_->WithReserve([&] {
    const Descriptor lock = impl_->Lock();
    CleanupResult result;
    result.partial = VisitLeftovers(impl_->paths.cache_home / "partial", Leftovers::kRemove);
    const Descriptor alone = impl_->Alone();
    if (!alone.valid()) {
      result.contents_busy = true;
      return result;
    }
    impl_->contents.RemoveDebris();
    for (const ContentFolder::Content& content : impl_->contents.List()) {
      if (IsReferenced(impl_->database, content.sha256)) continue;
      impl_->contents.Remove(content.sha256);
      ++result.contents;
      result.content_bytes += content.size;
    }
    return result;
  });
}

}  // namespace hyprstream::registry
