#include "registry/verify.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/memory_budget.h"
#include "base/thread_pool.h"
#include "registry/content_hash.h"
#include "registry/find_local.h"
#include "registry/folders.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

std::string PullAgain(const ModelRecord& model) {
  // The revision itself: a branch may have moved on.
  return "hyprstream pull " + Spelled(model.key) + " repairs it";
}

// What is there instead of a file, as far as its size tells: none when only a hash can.
std::optional<FaultyFile> LookAt(const FileRecord& file, const std::optional<Found>& found,
                                 const ModelRecord& model) {
  const std::string expected = FormatBytes({file.size});
  if (!found) {
    return FaultyFile{.path = file.path,
                      .fault = FileFault::kMissing,
                      .expected = expected,
                      .found = "no file",
                      .advice = PullAgain(model)};
  }
  if (found->size >= file.size) return std::nullopt;
  return FaultyFile{.path = file.path,
                    .fault = FileFault::kTruncated,
                    .expected = std::to_string(file.size) + " bytes",
                    .found = std::to_string(found->size) + " bytes",
                    .advice = "the file was cut; " + PullAgain(model)};
}

// Whose bytes these are, when the catalogue knows them from elsewhere.
FaultyFile Identify(const FileRecord& file, const ContentHash& found, const ModelRecord& model,
                    const std::vector<ModelRecord>& all) {
  FaultyFile fault{.path = file.path,
                   .fault = FileFault::kChanged,
                   .expected = "sha256 " + file.sha256,
                   .found = "sha256 " + found.sha256,
                   .advice = "the file was changed or the disk has damaged it; " +
                             PullAgain(model) + "; look at the disk if it comes back"};
  const auto same_model = [&](const ModelKey& key) {
    return key.registry == model.key.registry && key.org == model.key.org &&
           key.name == model.key.name;
  };
  for (const ModelRecord& other : all) {
    for (const FileRecord& known : other.files) {
      if (known.sha256 != found.sha256 || other.key == model.key) continue;
      const bool revision = same_model(other.key) && known.path == file.path;
      if (!revision && fault.fault == FileFault::kForeign) continue;
      fault.fault = revision ? FileFault::kOtherRevision : FileFault::kForeign;
      fault.found = known.path + " of " + Spelled(other.key);
      fault.advice = revision
                         ? "it belongs to another revision; name that one, or " + PullAgain(model)
                         : "it belongs to another model; " + PullAgain(model);
      if (revision) return fault;
    }
  }
  return fault;
}

// Files in the folder that the model does not have.
std::vector<FaultyFile> Strangers(const fs::path& folder, const ModelRecord& model) {
  std::vector<FaultyFile> strangers;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->symlink_status(failed).type() == fs::file_type::directory) continue;
    const std::string path = at->path().lexically_relative(folder).string();
    const bool known =
        std::ranges::any_of(model.files, [&](const FileRecord& file) { return file.path == path; });
    if (known) continue;
    strangers.push_back(
        {.path = path,
         .fault = FileFault::kForeign,
         .expected = "the files that were fetched",
         .found = at->is_symlink(failed) ? "a symbolic link" : "another file",
         .advice = "it was put there by someone else: move it out of " + folder.string()});
  }
  return strangers;
}

}  // namespace

std::string_view FileFaultName(FileFault fault) {
  switch (fault) {
    case FileFault::kMissing:
      return "missing";
    case FileFault::kTruncated:
      return "truncated";
    case FileFault::kChanged:
      return "changed";
    case FileFault::kOtherRevision:
      return "other revision";
    case FileFault::kForeign:
      return "foreign";
    case FileFault::kUnreadable:
      return "unreadable";
  }
  return "";
}

FilesVerdict VerifyFiles(const Store& store, const ModelRecord& model, int threads,
                         const ProgressListener& progress) {
  const fs::path folder = store.FolderOf(model.key);
  const std::vector<ModelRecord> all = store.List();
  FilesVerdict verdict{.files = model.files.size(), .bytes = 0, .faults = {}};
  std::vector<const FileRecord*> waiting;
  const auto root = [&]() -> std::optional<Descriptor> {
    try {
      return OpenBelow(OpenRoot(store.paths().data_home / "models", Missing::kRefuse).get(),
                       FolderOf(model.key), Missing::kRefuse, folder);
    } catch (const Error& error) {
      // A model without its folder, or with a link in its place: none of its files is there.
      if (error.code() != ErrorCode::kNotFound && error.code() != ErrorCode::kFailedPrecondition) {
        throw;
      }
      return std::nullopt;
    }
  }();
  std::uint64_t total = 0;
  for (const FileRecord& file : model.files) {
    const auto found = root ? FindFileBelow(root->get(), file.path) : std::nullopt;
    if (auto fault = LookAt(file, found, model)) {
      verdict.faults.push_back(std::move(*fault));
    } else {
      waiting.push_back(&file);
      total += found->size;
    }
  }
  // The largest first, so that no thread is left alone with one at the end.
  std::ranges::stable_sort(waiting, std::greater(), &FileRecord::size);

  std::mutex mutex;
  Progress counted(progress, "checking " + ShortName(model.key), total);
  const auto advance = [&](std::uint64_t bytes) {
    const std::scoped_lock guard(mutex);
    verdict.bytes += bytes;
    counted.Advance(bytes);
  };
  const auto check = [&](const FileRecord& file) {
    std::optional<FaultyFile> fault;
    try {
      const ContentHash found = HashFile(folder / file.path, advance);
      if (found.sha256 == file.sha256) return;
      fault = Identify(file, found, model, all);
    } catch (const Error& error) {
      fault = FaultyFile{.path = file.path,
                         .fault = FileFault::kUnreadable,
                         .expected = "a file that can be read",
                         .found = error.detail().found,
                         .advice = "look at its permissions and at the disk; " + PullAgain(model)};
    }
    const std::scoped_lock guard(mutex);
    verdict.faults.push_back(std::move(*fault));
  };
  std::atomic<size_t> next = 0;
  ThreadPool pool(threads);
  pool.Share([&](int) {
    for (size_t at; (at = next.fetch_add(1)) < waiting.size();) check(*waiting[at]);
  });
  counted.Finish();
  std::vector<FaultyFile> strangers = root ? Strangers(folder, model) : std::vector<FaultyFile>();
  std::ranges::move(strangers, std::back_inserter(verdict.faults));
  std::ranges::stable_sort(verdict.faults, {}, &FaultyFile::path);
  return verdict;
}

}  // namespace hyprstream::registry
