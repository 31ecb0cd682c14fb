#include "engine/serving_adapters.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "engine/load_adapter.h"

namespace hyprstream::engine {
namespace {

namespace fs = std::filesystem;

// What keeps an adapter's memory alive, with what it counts for.
struct Accounted {
  std::shared_ptr<const LoadedAdapter> adapter;
  Reservation reservation;
};

struct Reference {
  std::string name;
  std::string version;  // empty: the current one
};

Reference Parse(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return {.name = std::string(text), .version = {}};
  return {.name = std::string(text.substr(0, at)), .version = std::string(text.substr(at + 1))};
}

Error NoSuchAdapter(std::string_view reference) {
  return Error(ErrorCode::kNotFound,
               {.message = "there is no adapter \"" + std::string(reference) + "\""});
}

Error NameTaken(const std::string& name) {
  return Error(ErrorCode::kAlreadyExists,
               {.message = "there is an adapter of this name already", .found = name});
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct ServingAdapters::Entry {
  std::string key;
  std::shared_future<Handle> adapter;
  Bytes size;  // known once it is loaded
};

ServingAdapters::ServingAdapters(std::shared_ptr<const model::Model> model, Options options,
                                 MemoryBudget* budget)
    : model_(std::move(model)),
      places_(adapters::PlacesOf(model_->config())),
      options_(std::move(options)),
      budget_(budget) {}

ServingAdapters::~ServingAdapters() = default;

// A catalogue is only made by those who store something in it.
adapters::AdapterStore* ServingAdapters::StoreLocked() {
  std::error_code ignored;
  if (!store_ && !options_.home.empty() && fs::exists(options_.home / "catalog.db", ignored)) {
    store_ = std::make_unique<adapters::AdapterStore>(options_.home);
  }
  return store_.get();
}

void ServingAdapters::RequireThisBase(const adapters::AdapterRecord& record) const {
  if (record.base_fingerprint == model_->fingerprint()) return;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "the adapter \"" + record.name + "\" belongs to another model",
               .expected = record.base_model + " with fingerprint " + record.base_fingerprint,
               .found = "a model with fingerprint " + model_->fingerprint()});
}

ServingAdapters::Handle ServingAdapters::Resolve(std::string_view text) {
  const Reference reference = Parse(text);
  {
    const std::lock_guard lock(mutex_);
    if (const auto file = files_.find(reference.name); file != files_.end()) {
      const std::string version = std::to_string(file->second.version);
      if (reference.version.empty() || reference.version == version) return file->second.adapter;
      throw NoSuchAdapter(text);
    }
  }
  adapters::AdapterRecord record;
  std::optional<adapters::VersionRecord> version;
  {
    const std::lock_guard lock(store_mutex_);
    adapters::AdapterStore* const store = StoreLocked();
    if (store == nullptr) throw NoSuchAdapter(text);
    record = store->Get(reference.name);
    version = store->Find(record.name, reference.version);
  }
  RequireThisBase(record);
  const std::string key = record.id + "@" + std::to_string(version ? version->version : 0);
  return Load(key, [&] { return LoadVersion(record, version, model_->config()); });
}

// The first who asks loads; others who come meanwhile wait for the same one.
ServingAdapters::Handle ServingAdapters::Load(const std::string& key,
                                              const std::function<Handle()>& load) {
  std::promise<Handle> promise;
  std::shared_future<Handle> loading;
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(entries_, key, &Entry::key);
    if (known != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, known);
      loading = known->adapter;
    } else {
      entries_.push_front({.key = key, .adapter = promise.get_future().share(), .size = {}});
    }
  }
  if (loading.valid()) return loading.get();
  try {
    Handle adapter = load();
    const Bytes size = SizeOf(*adapter);
    adapter = Account(std::move(adapter), size);
    promise.set_value(adapter);
    const std::lock_guard lock(mutex_);
    const auto entry = std::ranges::find(entries_, key, &Entry::key);
    if (entry != entries_.end()) entry->size = size;
    TrimLocked(options_.resident);
    return adapter;
  } catch (...) {
    promise.set_exception(std::current_exception());
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
    throw;
  }
}

// When the limit is reached, versions that nobody has asked for lately make room.
ServingAdapters::Handle ServingAdapters::Account(Handle adapter, Bytes size) {
  if (budget_ == nullptr) return adapter;
  const auto reserve = [&] {
    return Reservation(*budget_, MemoryUse::kAdapters, size, "adapter " + adapter->name);
  };
  auto accounted = std::make_shared<Accounted>();
  try {
    accounted->reservation = reserve();
  } catch (const Error&) {
    {
      const std::lock_guard lock(mutex_);
      TrimLocked({});
    }
    accounted->reservation = reserve();
  }
  accounted->adapter = adapter;
  LoadedAdapter copy = *adapter;
  copy.storage = std::move(accounted);
  return std::make_shared<LoadedAdapter>(std::move(copy));
}

Bytes ServingAdapters::SizeOf(const LoadedAdapter& adapter) const {
  uint64_t bytes = sizeof(LoadedAdapter);
  for (const auto& [path, place] : places_) {
    const int64_t rank = adapter.views.At(place.layer, place.module, place.expert).rank;
    bytes += sizeof(ops::LowRankView) +
             sizeof(float) * static_cast<uint64_t>(rank * (place.shape.in + place.shape.out));
  }
  return {bytes};
}

// The least recently used go first. What is loading stays, and so does what a request holds: its
// memory would not come back, and the next who asks would load it a second time.
void ServingAdapters::TrimLocked(Bytes limit) {
  uint64_t total = 0;
  for (const Entry& entry : entries_) total += entry.size.value;
  for (auto entry = entries_.end(); entry != entries_.begin() && total > limit.value;) {
    --entry;
    if (entry->size.value == 0 || entry->adapter.get().use_count() > 1) continue;
    total -= entry->size.value;
    entry = entries_.erase(entry);
  }
}

void ServingAdapters::Promoted(std::string_view name) { Resolve(Parse(name).name); }

void ServingAdapters::AddFile(const std::string& name, const fs::path& path, Adding adding) {
  adapters::CheckAdapterName(name);
  if (adding == Adding::kNew && Has(name)) {
    throw NameTaken(name);
  }
  int64_t version = 1;
  {
    const std::lock_guard lock(mutex_);
    if (const auto old = files_.find(name); old != files_.end()) version = old->second.version + 1;
  }
  Handle adapter = LoadAdapterFile(path, name + "@" + std::to_string(version), model_->config());
  const Bytes size = SizeOf(*adapter);
  File file{.path = path,
            .version = version,
            .created = Now(),
            .adapter = Account(std::move(adapter), size),
            .size = size};
  const std::lock_guard lock(mutex_);
  if (adding == Adding::kNew && files_.contains(name)) throw NameTaken(name);
  files_.insert_or_assign(name, std::move(file));
}

void ServingAdapters::RemoveFile(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto file = files_.find(name);
  if (file == files_.end()) throw NoSuchAdapter(name);
  files_.erase(file);
}

std::vector<ServingAdapters::Served> ServingAdapters::List() {
  std::map<std::string, Served> served;
  {
    const std::lock_guard lock(store_mutex_);
    if (adapters::AdapterStore* const store = StoreLocked()) {
      for (const adapters::AdapterRecord& record : store->List()) {
        if (record.base_fingerprint != model_->fingerprint()) continue;
        Served entry{.name = record.name,
                     .version = record.current,
                     .path = {},
                     .created = adapters::UnixSecondsOf(record.created),
                     .stored = true};
        if (const auto version = store->Find(record.name, "current")) {
          entry.hash = version->hash;
          entry.path = version->file;
        }
        served.insert_or_assign(record.name, std::move(entry));
      }
    }
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [name, file] : files_) {
    served.insert_or_assign(name, Served{.name = name,
                                         .version = file.version,
                                         .hash = file.adapter->content_hash,
                                         .path = file.path,
                                         .created = file.created});
  }
  std::vector<Served> list;
  for (auto& [name, entry] : served) list.push_back(std::move(entry));
  return list;
}

bool ServingAdapters::Has(std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    if (files_.contains(name)) return true;
  }
  return FindRecord(name).has_value();
}

bool ServingAdapters::Serves(std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    if (files_.contains(name)) return true;
  }
  const auto record = FindRecord(name);
  return record && record->base_fingerprint == model_->fingerprint();
}

std::optional<adapters::AdapterRecord> ServingAdapters::FindRecord(std::string_view name) {
  const std::lock_guard lock(store_mutex_);
  adapters::AdapterStore* const store = StoreLocked();
  if (store == nullptr) return std::nullopt;
  try {
    return store->Get(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return std::nullopt;
  }
}

Bytes ServingAdapters::resident() const {
  const std::lock_guard lock(mutex_);
  uint64_t total = 0;
  for (const Entry& entry : entries_) total += entry.size.value;
  for (const auto& [name, file] : files_) total += file.size.value;
  return {total};
}

std::vector<std::string> ServingAdapters::Loaded() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(file.adapter->name);
  for (const Entry& entry : entries_) {
    if (entry.size.value != 0) names.push_back(entry.adapter.get()->name);
  }
  return names;
}

}  // namespace hyprstream::engine
