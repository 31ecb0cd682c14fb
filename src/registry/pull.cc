#include "registry/pull.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/memory_budget.h"
#include "registry/hub_cache.h"
#include "registry/hub_copy.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

/// Calls `work(worker, i)` for i in [0, count), by several threads. The first error stops the
/// others and is thrown.
void ForEach(size_t count, size_t threads, std::stop_source& stop,
             const std::function<void(size_t, size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failed;
  const auto run = [&](size_t worker) {
    try {
      for (size_t i = next++; i < count && !stop.stop_requested(); i = next++) work(worker, i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failed) failed = std::current_exception();
      stop.request_stop();
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t worker = 1; worker < std::min(threads, count); ++worker) {
      others.emplace_back(run, worker);
    }
    run(0);
  }
  if (failed) std::rethrow_exception(failed);
}

struct WantedFile {
  RepositoryFile listed;
  std::string sha256;  // once it is in the store
  uint64_t size = 0;
  HuggingFace::Located located;
};

class Pull {
 public:
  Pull(const HubSettings& settings, Store& store, const PullRequest& request,
       const PullOptions& options)
      : settings_(settings),
        store_(store),
        request_(request),
        options_(options),
        forward_(options.download.http.stop, [this] { stop_.request_stop(); }),
        progress_(options.progress) {}

  PullResult Run();

 private:
  HuggingFace& Hub(size_t worker) { return hubs_[worker]; }
  Repository Look();
  bool TakeFromStore(WantedFile& file, const std::string& id);
  bool TakeFromCache(WantedFile& file);
  void Find(size_t worker, WantedFile& file);
  void RequireRoom() const;
  void Fetch(size_t worker, WantedFile& file, size_t place);
  PullResult Publish();
  void Note(const std::string& text) const {
    if (options_.note) options_.note(text);
  }

  const HubSettings& settings_;
  Store& store_;
  const PullRequest& request_;
  const PullOptions& options_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
  TransferProgress progress_;
  std::vector<HuggingFace> hubs_;
  Repository repository_;
  Selection selection_;
  std::vector<WantedFile> files_;
  std::atomic<uint64_t> fetched_{0};
  std::atomic<uint64_t> from_cache_{0};
};

/// Offline, what Python has downloaded stands in for the hub.
Repository Pull::Look() {
  const std::string name = request_.model.repository();
  if (!settings_.offline) return hubs_.front().Look(name, request_.model.revision);
  const HubCache cache(settings_.cache);
  const auto commit = cache.Commit(name, request_.model.revision);
  if (!commit || !cache.Snapshot(name, *commit)) RequireOnline(settings_, name);
  return {.id = name, .commit = *commit, .files = SnapshotFiles(cache, name, *commit)};
}

bool Pull::TakeFromStore(WantedFile& file, const std::string& id) {
  if (request_.force || id.empty()) return false;
  const auto sha256 = store_.FindContent(id);
  if (!sha256) return false;
  std::error_code failed;
  const uint64_t size = fs::file_size(store_.ContentPath(*sha256), failed);
  if (failed || (file.listed.size && *file.listed.size != size)) return false;
  if (!store_.IsIntact(*sha256, size)) {
    Note(file.listed.name + " was damaged and is fetched again");
    return false;
  }
  file.sha256 = *sha256;
  file.size = size;
  return true;
}

bool Pull::TakeFromCache(WantedFile& file) {
  if (request_.force) return false;
  const HubCache cache(settings_.cache);
  const auto path = cache.File(request_.model.repository(), repository_.commit, file.listed.name);
  if (!path) return false;
  const auto taken = TakeCopy(*path, file.located.file, store_);
  if (!taken) return false;
  file.sha256 = taken->sha256;
  file.size = taken->size;
  from_cache_ += taken->size;
  return true;
}

/// In the store already, in Python's cache, or at an address.
void Pull::Find(size_t worker, WantedFile& file) {
  if (TakeFromStore(file, file.listed.sha256.empty() ? file.listed.git_sha1 : file.listed.sha256)) {
    return;
  }
  if (settings_.offline) {
    file.located.file = {.name = file.listed.name, .size = file.listed.size.value_or(0)};
    if (!TakeFromCache(file)) RequireOnline(settings_, file.listed.name);
    return;
  }
  file.located = Hub(worker).Locate(request_.model.repository(), repository_.commit, file.listed);
  file.listed.size = file.located.file.size;
  const RemoteFile& found = file.located.file;
  if (TakeFromStore(file, found.sha256.empty() ? found.git_sha1 : found.sha256)) return;
  TakeFromCache(file);
}

void Pull::RequireRoom() const {
  uint64_t needed = 0;
  for (const WantedFile& file : files_) {
    if (!file.sha256.empty()) continue;
    const RemoteFile& found = file.located.file;
    const fs::path partial = store_.paths().cache_home / "partial" /
                             (found.sha256.empty() ? found.git_sha1 : found.sha256);
    std::error_code failed;
    const uint64_t there = fs::file_size(partial, failed);
    needed += found.size - (failed ? 0 : std::min(there, found.size));
  }
  for (const fs::path& folder : {store_.paths().cache_home, store_.paths().data_home}) {
    std::error_code failed;
    const uint64_t room = fs::space(folder, failed).available;
    if (failed || room >= needed) continue;
    throw Error(ErrorCode::kResourceExhausted,
                {.message = "there is no room for " + request_.model.repository(),
                 .expected = FormatBytes({needed}) + " free",
                 .found = FormatBytes({room}),
                 .where = folder.string(),
                 .hint = "hyprstream model remove and hyprstream model cache cleanup make some"});
  }
}

/// A disk that became full on the way: what has come is kept.
[[noreturn]] void FailFull(const Error& error) {
  ErrorDetail detail = error.detail();
  detail.hint =
      "make room (hyprstream model remove, or elsewhere), then pull again: it goes "
      "on from here";
  throw Error(error.code(), std::move(detail));
}

void Pull::Fetch(size_t worker, WantedFile& file, size_t place) try {
  const RemoteFile& remote = file.located.file;
  const std::string id = remote.sha256.empty() ? remote.git_sha1 : remote.sha256;
  PartialFile partial = store_.OpenPartial(
      id, [&] { Note("another process is fetching " + remote.name + "; waiting for it"); });
  // Whoever had it may have finished it.
  if (TakeFromStore(file, id)) {
    partial.Discard();
    return progress_.Finished(place);
  }
  if (request_.force) partial.Reset();
  bool first = true;
  const auto locate = [&] {
    if (!std::exchange(first, false)) {
      const auto again =
          Hub(worker).Locate(request_.model.repository(), repository_.commit, file.listed);
      file.located.address = again.address;
    }
    return file.located.address;
  };
  DownloadOptions download = options_.download;
  download.http.stop = stop_.get_token();
  const Downloaded got = Download(remote, locate, partial, download,
                                  [&](uint64_t done) { progress_.Reached(place, done); });
  fetched_ += got.fetched;
  store_.Keep(std::move(partial), got.names.sha256);
  file.sha256 = got.names.sha256;
  file.size = remote.size;
  progress_.Finished(place);
} catch (const Error& error) {
  if (error.code() == ErrorCode::kResourceExhausted) FailFull(error);
  throw;
}

PullResult Pull::Publish() {
  const ModelReference& model = request_.model;
  PullResult result{.key = {.registry = "hf",
                            .org = model.organisation,
                            .name = model.name,
                            .revision = repository_.commit},
                    .kind = selection_.kind,
                    .folder = {},
                    .files = {},
                    .bytes = 0,
                    .fetched = fetched_,
                    .from_cache = from_cache_};
  for (const WantedFile& file : files_) {
    result.files.push_back({.path = file.listed.name, .size = file.size, .sha256 = file.sha256});
    result.bytes += file.size;
  }
  store_.Publish(result.key, result.files, settings_.endpoint + "/" + model.repository());
  if (!IsCommit(model.revision)) {
    store_.SetRef(result.key, model.revision.empty() ? "main" : model.revision);
  }
  result.folder = store_.FolderOf(result.key);
  return result;
}

PullResult Pull::Run() {
  const size_t workers = std::max<size_t>(1, options_.parallel_files);
  for (size_t i = 0; i < workers; ++i) {
    hubs_.emplace_back(settings_, options_.download.retries, stop_.get_token());
  }
  repository_ = Look();
  selection_ = SelectFiles(repository_, request_.model.quant, request_.files);
  for (const RepositoryFile& file : selection_.files) files_.emplace_back().listed = file;
  ForEach(files_.size(), workers, stop_, [&](size_t worker, size_t i) { Find(worker, files_[i]); });
  RequireRoom();
  // The largest first, so that none is left alone at the end.
  std::vector<size_t> missing;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].sha256.empty()) missing.push_back(i);
  }
  std::stable_sort(missing.begin(), missing.end(), [&](size_t a, size_t b) {
    return files_[a].located.file.size > files_[b].located.file.size;
  });
  std::vector<size_t> places;
  for (const size_t i : missing) {
    places.push_back(progress_.Add(files_[i].listed.name, files_[i].located.file.size));
  }
  ForEach(missing.size(), workers, stop_,
          [&](size_t worker, size_t i) { Fetch(worker, files_[missing[i]], places[i]); });
  if (stop_.stop_requested()) {
    throw Error(ErrorCode::kCancelled, {.message = "the transfer was stopped"});
  }
  return Publish();
}

}  // namespace

PullResult PullHuggingFace(const HubSettings& settings, Store& store, const PullRequest& request,
                           const PullOptions& options) {
  HYPR_CHECK(request.model.kind == ModelReference::Kind::kHuggingFace);
  PullOptions configured = options;
  HttpOptions& http = configured.download.http;
  http.user_agent = settings.user_agent;
  http.connect_timeout = settings.metadata_timeout;
  http.stall_timeout = settings.download_timeout;
  http.certificates = settings.certificates;
  return Pull(settings, store, request, configured).Run();
}

}  // namespace hyprstream::registry
