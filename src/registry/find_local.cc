#include "registry/find_local.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "registry/hub_files.h"
#include "registry/ollama_manifest.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
using Kind = ModelReference::Kind;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

bool IsQuant(std::string_view path, std::string_view quant) {
  const std::string_view name = FileName(path);
  return name == quant || Lower(QuantLabel(name)) == Lower(quant);
}

bool IsLaterPart(std::string_view path) {
  const size_t of = path.rfind("-of-");
  return of != std::string_view::npos && of >= 6 && path.substr(of - 6, 6) != "-00001";
}

LocalModel Describe(const Store& store, ModelRecord model, std::string_view quant) {
  const fs::path folder = store.FolderOf(model.key);
  LocalModel local{
      .path = quant.empty() ? PathOf(store, model) : folder / PartsOf(model, quant).front(),
      .name = ShortName(model.key),
      .reference = Spelled(model.key),
      .record = {}};
  if (!quant.empty()) local.reference += ":" + std::string(quant);
  local.record = std::move(model);
  return local;
}

}  // namespace

fs::path PathOf(const Store& store, const ModelRecord& model) {
  // An adapter may lie beside the model in its folder: the model is that one file.
  const fs::path folder = store.FolderOf(model.key);
  return IsOllama(model.key) ? folder / "model.gguf" : folder;
}

std::vector<std::string> PartsOf(const ModelRecord& model, std::string_view quant) {
  std::string there;
  std::vector<std::string> parts;
  for (const FileRecord& file : model.files) {
    if (!Lower(file.path).ends_with(".gguf")) continue;
    if (!IsLaterPart(file.path)) there += (there.empty() ? "" : ", ") + file.path;
    if (IsQuant(file.path, quant)) parts.push_back(file.path);
  }
  if (!parts.empty()) return parts;
  throw Error(ErrorCode::kNotFound,
              {.message = "the stored model has no such GGUF",
               .expected = there.empty() ? "the model is stored as safetensors" : there,
               .found = std::string(quant),
               .where = Spelled(model.key),
               .hint = "hyprstream pull fetches it"});
}

std::string ShortName(const ModelKey& key) {
  if (!IsOllama(key) || key.revision == "latest") return key.name;
  return key.name + ":" + key.revision;
}

std::string ReferenceOf(const ModelRecord& model) {
  if (IsOllama(model.key) || model.refs.empty()) return Spelled(model.key);
  ModelKey named = model.key;
  const bool main = std::ranges::find(model.refs, "main") != model.refs.end();
  named.revision = main ? "main" : model.refs.front();
  return Spelled(named);
}

std::optional<LocalModel> FindStored(const Store& store, const ModelReference& reference) {
  if (reference.kind == Kind::kPath) return std::nullopt;
  const ModelKey key =
      reference.kind == Kind::kOllama
          ? OllamaKeyOf(reference)
          : ModelKey{"hf", reference.organisation, reference.name, reference.revision};
  std::optional<ModelRecord> model = store.Find(key.registry, key.org, key.name, key.revision);
  if (!model) return std::nullopt;
  return Describe(store, std::move(*model), reference.quant);
}

std::optional<LocalModel> FindStoredByName(const Store& store, std::string_view word) {
  std::vector<ModelRecord> found;
  for (ModelRecord& model : store.List()) {
    const bool seen = std::ranges::any_of(found, [&](const ModelRecord& other) {
      return other.key.registry == model.key.registry && other.key.org == model.key.org;
    });
    if (ShortName(model.key) == word && !seen) found.push_back(std::move(model));
  }
  if (found.empty()) return std::nullopt;
  if (found.size() == 1) {
    // What its branch means before what is newest.
    const ModelKey& key = found[0].key;
    const std::string_view revision = IsOllama(key) ? std::string_view(key.revision) : "";
    return Describe(store, *store.Find(key.registry, key.org, key.name, revision), {});
  }
  std::string names;
  for (const ModelRecord& model : found) {
    names += (names.empty() ? "" : ", ") + ReferenceOf(model);
  }
  throw Error(ErrorCode::kInvalidArgument, {.message = "several stored models have this name",
                                            .expected = names,
                                            .found = "\"" + Shown(word) + "\""});
}

}  // namespace hyprstream::registry
