// The models of this machine. Content lies once in <data home>/models/.blobs/<sha256>; a model is a
// folder <registry>/<org>/<name>/<revision>/ of hard links to it, which appears and disappears
// whole; the catalogue (catalog.db) says what belongs to it. What is being fetched lies in <cache
// home>/partial/ until it is kept.
//
// Several processes may use one store: changes take a file lock that the kernel drops with its
// holder, and a process killed in a change is repaired by the next one that opens the store. While
// a Store has looked at content or kept some, nobody else removes content that no model has yet.
// Any thread may call; the calls of one Store are serialised, waiting for a partial file is not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/names.h"
#include "registry/partial_file.h"
#include "registry/records.h"

namespace hyprstream::registry {

struct StorePaths {
  std::filesystem::path data_home;   // has models/ and catalog.db
  std::filesystem::path cache_home;  // has partial/
};

/// What becomes of files that the model has already under other names: a quant added to a commit
/// keeps them, a tag that means something new does not.
enum class Existing { kAddTo, kReplace };

struct RemovedModel {
  std::uint64_t bytes_freed = 0;
  std::uint64_t bytes_shared = 0;  // kept: other models have the same content
  std::uint64_t bytes_busy = 0;    // kept for now: another process is fetching; `Cleanup` frees it
};

struct StoreUsage {
  std::uint64_t models = 0;
  std::uint64_t files = 0;
  std::uint64_t file_bytes = 0;     // as if nothing were shared
  std::uint64_t content_bytes = 0;  // on the disk
  std::uint64_t unused_contents = 0;
  std::uint64_t unused_bytes = 0;  // of content_bytes, in no model
  PartialLeftovers partial = {};   // fetched in part, in nobody's hands
};

struct CleanupResult {
  std::uint64_t contents = 0;
  std::uint64_t content_bytes = 0;
  PartialLeftovers partial = {};
  bool contents_busy = false;  // another process is fetching: content was left alone
};

class Store {
 public:
  /// Makes what is missing and repairs what a killed process left. Errors: those of Database; kIo,
  /// kPermissionDenied; kFailedPrecondition when a link or file is where a folder belongs.
  static Store Open(const StorePaths& paths);
  /// None when nothing was ever stored there; makes nothing.
  static std::optional<Store> OpenExisting(const StorePaths& paths);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const StorePaths& paths() const;

  // --- Fetching ---

  /// `content_id`: the SHA-256, or the git SHA-1 where a hub tells only that. Waits while another
  /// has it; when that one has finished, `FindContent` knows the content. `on_wait` is called once
  /// before waiting.
  PartialFile OpenPartial(std::string_view content_id, const std::function<void()>& on_wait = {});

  /// There is a file of that content; whether it is intact only `IsIntact` says.
  bool HasContent(std::string_view sha256) const;
  /// The SHA-256 of content kept under this id (a git SHA-1, or a SHA-256 itself), if it is there.
  std::optional<std::string> FindContent(std::string_view content_id) const;
  /// Hashes it. `advance` is told bytes. False when it is missing, changed or cut.
  bool IsIntact(std::string_view sha256, std::uint64_t size,
                const std::function<void(std::uint64_t)>& advance = {}) const;

  /// Syncs the file, whose hash the caller has checked, and makes it content, in place of one that
  /// was there. Errors: kResourceExhausted, kIo, kPermissionDenied.
  void Keep(PartialFile&& partial, std::string_view sha256);

  /// Makes a file that another program keeps content as well, without copying it; `partial` is what
  /// would have been fetched into, and is gone then. False where the file system has no hard links
  /// between the two places. Whoever changes the file changes the content: hash it before use.
  bool Share(const std::filesystem::path& file, PartialFile& partial, std::string_view sha256);

  /// The model appears with these files, whose content was kept before; catalogue and folder change
  /// together. Models that have a content which was replaced get the new one. Errors:
  /// kInvalidArgument for a name that is refused or given twice; kFailedPrecondition when content
  /// is missing or has another size.
  void Publish(const ModelKey& key, std::span<const FileRecord> files, std::string_view source_url,
               Existing existing = Existing::kAddTo);
  /// `ref` (a branch, a tag) means this stored revision from now on.
  void SetRef(const ModelKey& key, std::string_view ref);

  // --- Looking ---

  /// Newest first.
  std::vector<ModelRecord> List() const;
  /// `revision`: a revision, a ref, the beginning of a commit (7 digits or more), or nothing: then
  /// "main" or "latest", or else the newest.
  std::optional<ModelRecord> Find(std::string_view registry, std::string_view org,
                                  std::string_view name, std::string_view revision = {}) const;
  std::filesystem::path FolderOf(const ModelKey& key) const;
  /// Where the content is or would be.
  std::filesystem::path ContentPath(std::string_view sha256) const;
  StoreUsage Usage() const;

  // --- Removing ---

  /// Content goes with its last model. Errors: kNotFound.
  RemovedModel Remove(const ModelKey& key);
  /// Some files of a model, by path. Errors: kNotFound.
  RemovedModel RemoveFiles(const ModelKey& key, std::span<const std::string> paths);
  /// Removes content in no model and what was fetched in part, where nobody is at it.
  CleanupResult Cleanup();

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hyprstream::registry
