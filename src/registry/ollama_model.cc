#include "registry/ollama_model.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwnHost = "registry.ollama.ai";
constexpr size_t kMostText = 4u << 20;  // of a manifest, a template, a system prompt
constexpr size_t kMostModels = 10'000;

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// The entry of that name in any case; none when there is no such file or folder.
std::optional<fs::path> Entry(const fs::path& folder, std::string_view name) {
  std::error_code failed;
  if (fs::exists(folder / name, failed)) return folder / name;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (SameName(at->path().filename().string(), name)) return at->path();
  }
  return std::nullopt;
}

std::string ReadText(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(kMostText + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  if (stream.bad() || (!stream.eof() && stream.fail()) || text.size() > kMostText) {
    throw Error(ErrorCode::kDataLoss, {.message = "a layer of an Ollama model cannot be read",
                                       .expected = "a text of at most 4 MB",
                                       .where = path.string()});
  }
  return text;
}

void RequireFile(const fs::path& path) {
  std::error_code failed;
  if (fs::is_regular_file(path, failed)) return;
  throw Error(ErrorCode::kNotFound, {.message = "a layer of an Ollama model is missing",
                                     .where = path.string(),
                                     .hint = "pull the model again"});
}

// `place`: where a layer's file is.
template <typename Place>
OllamaModel Open(const OllamaManifest& manifest, Place&& place) {
  OllamaModel model;
  for (const OllamaLayer& layer : manifest.layers) {
    if (layer.file.empty() || layer.kind == "license" || layer.kind == "projector") continue;
    const fs::path path = place(layer);
    RequireFile(path);
    if (layer.kind == "model" && model.weights.empty()) model.weights = path;
    if (layer.kind == "adapter") model.adapters.push_back(path);
    // Of several system prompts and the like Ollama takes the last.
    if (layer.kind == "system") model.system = ReadText(path);
    if (layer.kind == "template") model.go_template = ReadText(path);
    if (layer.kind == "params") model.params_json = ReadText(path);
    if (layer.kind == "messages") model.messages_json = ReadText(path);
  }
  return model;
}

}  // namespace

std::optional<OllamaModel> FindInOllama(const OllamaSettings& settings,
                                        const ModelReference& reference) {
  if (settings.models.empty() || reference.kind != ModelReference::Kind::kOllama) return {};
  std::optional<fs::path> at = settings.models / "manifests";
  const std::string host = reference.host.empty() ? std::string(kOwnHost) : reference.host;
  const std::string tag = reference.revision.empty() ? "latest" : reference.revision;
  for (const std::string& part : {host, reference.organisation, reference.name, tag}) {
    at = Entry(*at, part);
    if (!at) return {};
  }
  std::error_code failed;
  if (!fs::is_regular_file(*at, failed)) return {};
  const OllamaManifest manifest = ParseOllamaManifest(ReadText(*at), at->string());
  const auto blob = [&](const OllamaLayer& layer) {
    return settings.models / "blobs" / ("sha256-" + layer.sha256);
  };
  // One that Ollama is still fetching has its manifest last; one it is removing loses it first.
  if (!fs::is_regular_file(blob(*manifest.Find("model")), failed)) return {};
  return Open(manifest, blob);
}

OllamaModel OpenStoredOllama(const fs::path& folder) {
  const fs::path path = folder / kOllamaManifestFile;
  RequireFile(path);
  return Open(ParseOllamaManifest(ReadText(path), path.string()),
              [&](const OllamaLayer& layer) { return folder / layer.file; });
}

std::vector<std::string> ListOllama(const OllamaSettings& settings) {
  std::vector<std::string> names;
  if (settings.models.empty()) return names;
  const fs::path manifests = settings.models / "manifests";
  std::error_code failed;
  for (fs::recursive_directory_iterator at(manifests, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at.depth() != 3 || !at->is_regular_file(failed) || names.size() >= kMostModels) continue;
    std::vector<std::string> parts;
    for (const fs::path& part : at->path().lexically_relative(manifests)) {
      parts.push_back(part.string());
    }
    std::string name = "ollama://";
    if (parts[0] != kOwnHost) name += parts[0] + "/";
    if (parts[0] != kOwnHost || parts[1] != "library") name += parts[1] + "/";
    name += parts[2] + ":" + parts[3];
    try {
      ParseReference(name);  // a file that is no model's has a name that none can have
      names.push_back(std::move(name));
    } catch (const Error&) {
      continue;
    }
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace hyprstream::registry
