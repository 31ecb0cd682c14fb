// The adapters that requests are answered with while the program runs: names become versions that
// are loaded and immutable. Stored adapters are looked up in the catalogue by every call, so a
// version promoted by anybody, another process included, is the next request's; files are added by
// hand. A request keeps what it was given. Thread-safe; a call may read a file, so it has no place
// on a thread that must not wait.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/base_modules.h"
#include "adapters/store.h"
#include "base/memory_budget.h"
#include "engine/request.h"
#include "model/model.h"

namespace hyprstream::engine {

class ServingAdapters {
 public:
  struct Options {
    std::filesystem::path home;            // of the store, which need not exist yet
    Bytes resident = {uint64_t{1} << 30};  // loaded versions kept though nobody uses them
  };
  /// `budget` may be null; it must outlive every adapter handed out.
  ServingAdapters(std::shared_ptr<const model::Model> model, Options options,
                  MemoryBudget* budget = nullptr);
  ~ServingAdapters();

  /// "tone" is the current version, "tone@7" and "tone@tag" are others. An added file is found
  /// first, and has the one version it was added as. Errors: kNotFound; kFailedPrecondition for an
  /// adapter of another base; kResourceExhausted; those of loading it.
  std::shared_ptr<const LoadedAdapter> Resolve(std::string_view reference);

  /// The adapter has a new current version: loads it, so that the next request need not wait.
  /// Errors: as Resolve.
  void Promoted(std::string_view name);

  enum class Adding { kNew, kReplace };
  /// Loads a file or folder of any format as `name`. A replacement counts as the next version.
  /// Errors: kInvalidArgument for the name; kAlreadyExists for kNew, also when the store has it;
  /// those of LoadAdapterFile.
  void AddFile(const std::string& name, const std::filesystem::path& path, Adding adding);
  /// Errors: kNotFound.
  void RemoveFile(std::string_view name);

  struct Served {
    std::string name;
    int64_t version = 0;         // current
    std::string hash = {};       // of its content; empty for version 0
    std::filesystem::path path;  // of an added file, or of the version; empty for version 0
    int64_t created = 0;         // of the adapter, seconds since 1970
    bool stored = false;         // in the store; else an added file
  };
  /// Added files and the store's adapters of this base, by name.
  std::vector<Served> List();
  /// Whether there is such an adapter, of whatever base.
  bool Has(std::string_view name);
  /// Whether it is of this base.
  bool Serves(std::string_view name);

  /// Memory of the loaded versions that are kept.
  Bytes resident() const;
  /// Names of the versions that are loaded, such as "tone@7".
  std::vector<std::string> Loaded() const;

 private:
  using Handle = std::shared_ptr<const LoadedAdapter>;
  struct Entry;
  struct File {
    std::filesystem::path path;
    int64_t version = 1;
    int64_t created = 0;
    Handle adapter;
    Bytes size;
  };

  adapters::AdapterStore* StoreLocked();
  Handle Load(const std::string& key, const std::function<Handle()>& load);
  Handle Account(Handle adapter, Bytes size);
  Bytes SizeOf(const LoadedAdapter& adapter) const;
  void TrimLocked(Bytes limit);
  std::optional<adapters::AdapterRecord> FindRecord(std::string_view name);
  void RequireThisBase(const adapters::AdapterRecord& record) const;

  const std::shared_ptr<const model::Model> model_;
  const adapters::Places places_;
  const Options options_;
  MemoryBudget* const budget_;

  std::mutex store_mutex_;
  std::unique_ptr<adapters::AdapterStore> store_;  // guarded by store_mutex_; opened when it exists

  mutable std::mutex mutex_;  // guards what follows; never held while a file is read
  std::map<std::string, File, std::less<>> files_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace hyprstream::engine
