#include "cli/model_reference.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "cli/build_info.h"
#include "cli/hub.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "engine/load.h"
#include "registry/find_cached.h"
#include "registry/find_local.h"
#include "registry/ollama_model.h"

namespace hyprstream::cli {
namespace {

namespace fs = std::filesystem;

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool IsFolder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

fs::path ProgramFolder() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return failed ? fs::path() : program.parent_path();
}

bool IsModel(const fs::path& path) {
  if (path.extension() == ".gguf") return true;
  if (!IsFolder(path)) return false;
  if (Exists(path / "config.json")) return true;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(path, failed)) {
    if (entry.path().extension() == ".gguf") return true;
  }
  return false;
}

FoundModel AsFound(registry::LocalModel model) {
  return {.path = std::move(model.path),
          .name = std::move(model.name),
          .reference = std::move(model.reference),
          .record = std::move(model.record)};
}

// A model of a local Ollama, read where it lies.
std::optional<FoundModel> InOllama(const std::optional<registry::ModelReference>& reference) {
  if (!reference) return std::nullopt;
  const auto model = registry::FindInOllama(ReadOllamaSettings(), *reference);
  if (!model) return std::nullopt;
  return FoundModel{.path = model->weights,
                    .name = registry::ShortName(registry::OllamaKeyOf(*reference)),
                    .reference = registry::Spelled(registry::OllamaKeyOf(*reference))};
}

// "qwen3:0.6b" without a scheme, as Ollama's users write it.
std::optional<registry::ModelReference> WordInOllama(const std::string& word) {
  try {
    return registry::ParseReference("ollama://" + word);
  } catch (const Error&) {
    return std::nullopt;  // no name that Ollama could know
  }
}

[[noreturn]] void NotFetched(const std::string& reference) {
  throw Error(ErrorCode::kNotFound,
              {.message = "this model of a registry is not on this machine",
               .found = "\"" + Printable(reference) + "\"",
               .hint = "hyprstream pull " + Printable(reference) + " fetches it"});
}

bool NamesRegistry(const std::string& reference) {
  return reference.find("://") != std::string::npos || reference.starts_with("hf.co/");
}

void RefuseBadName(const std::string& reference) {
  const bool controls = std::any_of(reference.begin(), reference.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\';
  });
  const bool empty_part = reference.empty() || reference.starts_with('/') ||
                          reference.ends_with('/') || reference.find("//") != std::string::npos;
  bool climbs = false;
  for (const fs::path& part : fs::path(reference)) climbs = climbs || part == "..";
  if (!controls && !empty_part && !climbs) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "this is neither an existing path nor the name of a model",
               .found = "\"" + Printable(reference) + "\""});
}

[[noreturn]] void NotFound(const std::string& reference) {
  std::string known;
  for (const fs::path& model : LocalModels()) {
    known += (known.empty() ? "" : ", ") + model.filename().string();
  }
  std::string searched = "the current folder";
  for (const fs::path& folder : ModelFolders()) searched += ", " + folder.string();
  throw Error(ErrorCode::kNotFound,
              {.message = "there is no model \"" + Printable(reference) + "\"",
               .where = "searched " + searched,
               .hint = known.empty() ? "give the path of a model, or set HYPRSTREAM_MODELS"
                                     : "models found there: " + known});
}

}  // namespace

std::vector<fs::path> ModelFolders() {
  std::vector<fs::path> candidates;
  if (const char* set = std::getenv("HYPRSTREAM_MODELS"); set != nullptr && *set != '\0') {
    candidates.emplace_back(set);
  }
  if (const fs::path program = ProgramFolder(); !program.empty()) {
    candidates.push_back(program.parent_path() / "models");
    candidates.push_back(program.parent_path() / "share/hyprstream/models");
  }
  candidates.emplace_back(kSourceModels);
  std::vector<fs::path> folders;
  for (const fs::path& candidate : candidates) {
    std::error_code failed;
    const fs::path folder = fs::weakly_canonical(candidate, failed);
    if (failed || !IsFolder(folder)) continue;
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
      folders.push_back(folder);
    }
  }
  return folders;
}

FoundModel FindModel(const std::string& reference) {
  const auto at = [](const fs::path& path, std::string lasting) {
    return FoundModel{
        .path = path, .name = engine::ModelNameOf(path), .reference = std::move(lasting)};
  };
  const std::string path = reference.starts_with("file:")
                               ? reference.substr(std::string_view("file:").size())
                               : reference;
  if (!path.empty() && Exists(path)) {
    return at(path, fs::absolute(path).lexically_normal().string());
  }
  if (path != reference) NotFound(path);
  const bool plainly_path = reference.starts_with('/') || reference.starts_with("./") ||
                            reference.starts_with("../") || reference.starts_with("~");
  if (plainly_path) NotFound(reference);
  if (!NamesRegistry(reference)) {
    RefuseBadName(reference);
    for (const fs::path& folder : ModelFolders()) {
      for (const fs::path& candidate : {folder / reference, folder / (reference + ".gguf")}) {
        if (Exists(candidate)) return at(candidate, reference);
      }
    }
  }
  const registry::ModelReference parsed = registry::ParseReference(reference);
  const bool word = parsed.kind == registry::ModelReference::Kind::kPath;
  if (const std::optional<registry::Store> store = StoredModels(Settings())) {
    auto stored =
        word ? registry::FindStoredByName(*store, reference) : registry::FindStored(*store, parsed);
    if (stored) return AsFound(std::move(*stored));
  }
  if (const auto cached =
          registry::FindCached(registry::HubCache(ReadHubSettings().cache), parsed)) {
    return {.path = cached->path, .name = cached->name, .reference = cached->reference};
  }
  if (auto found = InOllama(word ? WordInOllama(reference) : parsed)) return std::move(*found);
  if (word) NotFound(reference);
  NotFetched(reference);
}

fs::path ResolveModel(const std::string& reference) { return FindModel(reference).path; }

std::vector<fs::path> LocalModels() {
  std::vector<fs::path> models;
  for (const fs::path& folder : ModelFolders()) {
    std::vector<fs::path> found;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
      if (IsModel(entry.path())) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    models.insert(models.end(), found.begin(), found.end());
  }
  return models;
}

}  // namespace hyprstream::cli
