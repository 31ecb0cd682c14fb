// `model cache status|cleanup|verify`: what the store takes up, and what of it nobody needs.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "base/memory_budget.h"
#include "cli/cache_settings.h"
#include "cli/document.h"
#include "cli/hub.h"
#include "cli/model_store.h"
#include "cli/shell.h"

namespace hyprstream::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct CacheFlags {
  std::string format = "table";
  bool as_json = false;
  bool yes = false;
  bool repacked = false;

  Format Chosen() const { return as_json ? Format::kJson : ParseFormat(format); }
};

struct Files {
  uint64_t count = 0;
  uint64_t bytes = 0;
};

/// Weights that were repacked for this machine; whoever opens such a model again makes them again.
Files Repacked(const Settings& settings) {
  Files files;
  std::error_code failed;
  const fs::path folder = RepackSettings(settings).folder;
  if (folder.empty()) return files;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const uint64_t bytes = at->is_regular_file(failed) ? at->file_size(failed) : 0;
    if (failed || at->path().filename().string().starts_with('.')) continue;
    ++files.count;
    files.bytes += bytes;
  }
  return files;
}

Files RemoveRepacked(const Settings& settings) {
  Files removed;
  std::error_code failed;
  const fs::path folder = RepackSettings(settings).folder;
  if (folder.empty()) return removed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    // One that is being written has a name that begins with a dot and belongs to its writer.
    if (at->path().filename().string().starts_with('.')) continue;
    const uint64_t bytes = at->file_size(failed);
    if (failed || !fs::remove(at->path(), failed)) continue;
    ++removed.count;
    removed.bytes += bytes;
  }
  return removed;
}

/// In a table sizes are for people, in JSON they are bytes.
json::value Size(Format format, uint64_t bytes) {
  if (format != Format::kTable) return bytes;
  return json::string(FormatBytes({bytes}));
}

int Status(Shell& shell, const CacheFlags& flags) {
  const Format format = flags.Chosen();
  const registry::StorePaths paths = ModelStorePaths(shell.settings);
  registry::StoreUsage usage;
  if (const auto store = StoredModels(shell.settings)) usage = store->Usage();
  const Files repacked = Repacked(shell.settings);
  const uint64_t used = usage.content_bytes - usage.unused_bytes;
  const json::object document{
      {"store", (paths.data_home / "models").string()},
      {"cache", paths.cache_home.string()},
      {"models", usage.models},
      {"files", usage.files},
      {"bytes", Size(format, usage.content_bytes)},
      {"shared_bytes", Size(format, usage.file_bytes > used ? usage.file_bytes - used : 0)},
      {"unused_files", usage.unused_contents},
      {"unused_bytes", Size(format, usage.unused_bytes)},
      {"partial_files", usage.partial.files},
      {"partial_bytes", Size(format, usage.partial.bytes)},
      {"repacked_files", repacked.count},
      {"repacked_bytes", Size(format, repacked.bytes)}};
  shell.out.Write(Render(document, format));
  return 0;
}

int Cleanup(Shell& shell, const CacheFlags& flags) {
  const Format format = flags.Chosen();
  std::optional<registry::Store> store = StoredModels(shell.settings);
  registry::StoreUsage usage;
  if (store) usage = store->Usage();
  const Files repacked = flags.repacked ? Repacked(shell.settings) : Files{};
  const uint64_t files = usage.unused_contents + usage.partial.files + repacked.count;
  const uint64_t bytes = usage.unused_bytes + usage.partial.bytes + repacked.bytes;
  if (files == 0 && format == Format::kTable) {
    shell.out.Line("there is nothing to clean up");
    return 0;
  }
  if (files > 0) {
    const std::string question = "remove " + std::to_string(files) +
                                 " files that no model has or that were fetched in part, " +
                                 FormatBytes({bytes}) + "?";
    if (!Confirm(shell, question, flags.yes ? Consent::kGiven : Consent::kAsk)) return 1;
  }
  registry::CleanupResult done;
  if (store) done = store->Cleanup();
  const Files gone = flags.repacked ? RemoveRepacked(shell.settings) : Files{};
  const json::object document{
      {"unused_files", done.contents},
      {"unused_bytes", Size(format, done.content_bytes)},
      {"partial_files", done.partial.files},
      {"partial_bytes", Size(format, done.partial.bytes)},
      {"repacked_files", gone.count},
      {"repacked_bytes", Size(format, gone.bytes)},
      {"bytes_freed", Size(format, done.content_bytes + done.partial.bytes + gone.bytes)},
      {"busy", done.contents_busy}};
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddModelCacheVerbs(CLI::App& model, Shell& shell) {
  CLI::App& cache = AddVerb(model, shell, "cache", "What stored models take up",
                            "hyprstream model cache status", {});
  cache.require_subcommand(0, 1);
  const auto status = std::make_shared<CacheFlags>();
  CLI::App& status_verb = AddVerb(cache, shell, "status", "How much is stored, shared and unused",
                                  "hyprstream model cache status --format json",
                                  [&shell, status] { return Status(shell, *status); });
  const auto cleanup = std::make_shared<CacheFlags>();
  CLI::App& cleanup_verb =
      AddVerb(cache, shell, "cleanup", "Remove what no model has and what was fetched in part",
              "hyprstream model cache cleanup --yes",
              [&shell, cleanup] { return Cleanup(shell, *cleanup); });
  cleanup_verb.add_flag("--yes,-y", cleanup->yes, "Do not ask");
  cleanup_verb.add_flag("--repacked", cleanup->repacked,
                        "Also weights repacked for this machine, which are made again when needed");
  for (const auto& [verb, flags] : {std::pair(&status_verb, status), {&cleanup_verb, cleanup}}) {
    verb->add_option("--format", flags->format, "table, json or yaml");
    verb->add_flag("--json", flags->as_json, "Same as --format json");
  }
  AddModelVerifyVerb(cache, shell);
}

}  // namespace hyprstream::cli
