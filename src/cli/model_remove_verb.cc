// `model remove` (also `rm`): takes models out of the store, after asking.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "base/error.h"
#include "base/memory_budget.h"
#include "cli/document.h"
#include "cli/model_reference.h"
#include "cli/model_store.h"
#include "cli/shell.h"
#include "registry/find_local.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct RemoveFlags {
  std::vector<std::string> models;
  bool yes = false;
  std::string format = "table";
  bool as_json = false;
};

/// What one MODEL of the command line takes away: revisions, or of one revision some files.
struct Doomed {
  std::vector<registry::ModelRecord> models;
  std::vector<std::string> files;  // empty: all
};

[[noreturn]] void NotStored(const std::string& reference, const registry::Store* store) {
  // A model beside the store is its owner's: say so, rather than that there is none.
  try {
    const std::filesystem::path path = ResolveModel(reference);
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "this model was not fetched into the store and is not removed",
                 .where = path.string(),
                 .hint = "delete its files by hand if you mean to"});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
  }
  std::string known;
  if (store != nullptr) {
    for (const registry::ModelRecord& model : store->List()) {
      known += (known.empty() ? "" : ", ") + registry::ReferenceOf(model);
    }
  }
  throw Error(ErrorCode::kNotFound, {.message = "the store has no such model",
                                     .expected = known.empty() ? "nothing is stored" : known,
                                     .found = "\"" + Printable(reference) + "\""});
}

/// Every revision of a Hugging Face model whose revision is not named.
std::vector<registry::ModelRecord> AllRevisions(const registry::Store& store,
                                                const registry::ModelRecord& found) {
  std::vector<registry::ModelRecord> models;
  for (registry::ModelRecord& model : store.List()) {
    const bool same = model.key.registry == found.key.registry && model.key.org == found.key.org &&
                      model.key.name == found.key.name;
    if (same) models.push_back(std::move(model));
  }
  return models;
}

Doomed Find(const registry::Store* store, const std::string& text) {
  const registry::ModelReference reference = registry::ParseReference(text);
  const bool word = reference.kind == registry::ModelReference::Kind::kPath;
  std::optional<registry::LocalModel> found;
  if (store != nullptr) {
    found =
        word ? registry::FindStoredByName(*store, text) : registry::FindStored(*store, reference);
  }
  if (!found) NotStored(text, store);
  if (!reference.quant.empty()) {
    return {.models = {*found->record},
            .files = registry::PartsOf(*found->record, reference.quant)};
  }
  const bool every = reference.revision.empty() && found->record->key.registry == "hf";
  if (every) return {.models = AllRevisions(*store, *found->record), .files = {}};
  return {.models = {*found->record}, .files = {}};
}

std::string Question(const Doomed& doomed) {
  std::string question = "remove";
  uint64_t bytes = 0;
  for (const registry::ModelRecord& model : doomed.models) {
    question += " " + registry::ReferenceOf(model);
    bytes += doomed.files.empty() ? model.size() : 0;
  }
  for (const std::string& file : doomed.files) question += " " + file;
  return question + (bytes > 0 ? ", " + FormatBytes({bytes}) : "") + "?";
}

int Remove(Shell& shell, const RemoveFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  std::optional<registry::Store> store = StoredModels(shell.settings);
  json::array documents;
  for (const std::string& text : flags.models) {
    const Doomed doomed = Find(store ? &*store : nullptr, text);
    const Consent consent = flags.yes ? Consent::kGiven : Consent::kAsk;
    if (!Confirm(shell, Question(doomed), consent)) return 1;
    for (const registry::ModelRecord& model : doomed.models) {
      const registry::RemovedModel removed = doomed.files.empty()
                                                 ? store->Remove(model.key)
                                                 : store->RemoveFiles(model.key, doomed.files);
      documents.push_back({{"removed", registry::ReferenceOf(model)},
                           {"revision", model.key.revision},
                           {"bytes_freed", removed.bytes_freed},
                           {"bytes_shared", removed.bytes_shared},
                           {"bytes_busy", removed.bytes_busy}});
      if (format != Format::kTable) continue;
      std::string line = "removed " + registry::ReferenceOf(model) + ": " +
                         FormatBytes({removed.bytes_freed}) + " freed";
      if (removed.bytes_shared > 0) {
        line += ", " + FormatBytes({removed.bytes_shared}) + " stay for other models";
      }
      if (removed.bytes_busy > 0) {
        line += ", " + FormatBytes({removed.bytes_busy}) +
                " stay while something is being fetched (hyprstream model cache cleanup)";
      }
      shell.out.Line(Printable(line));
    }
  }
  if (format != Format::kTable) shell.out.Write(Render(documents, format));
  return 0;
}

}  // namespace

void AddModelRemoveVerb(CLI::App& model, Shell& shell, const std::string& name) {
  const auto flags = std::make_shared<RemoveFlags>();
  const std::string spelled = model.get_parent() == nullptr ? name : "model " + name;
  CLI::App& verb = AddVerb(model, shell, name, "Take models out of the store",
                           "hyprstream " + spelled + " Qwen/Qwen3-0.6B --yes",
                           [&shell, flags] { return Remove(shell, *flags); });
  verb.add_option("MODEL", flags->models,
                  "Stored models; without @revision all of a model's revisions")
      ->required();
  verb.add_flag("--yes,-y", flags->yes, "Do not ask");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
