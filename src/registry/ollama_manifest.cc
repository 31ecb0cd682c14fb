#include "registry/ollama_manifest.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/error.h"
#include "registry/json_reader.h"

namespace hyprstream::registry {
namespace {

namespace json = boost::json;

constexpr std::string_view kMediaType = "application/vnd.ollama.image.";
constexpr size_t kMostLayers = 256;
constexpr std::string_view kOwnHost = "registry.ollama.ai";

struct Kind {
  std::string_view name;
  std::string_view stem;
  std::string_view extension;
};
constexpr Kind kKinds[] = {{"model", "model", ".gguf"},
                           {"adapter", "adapter", ".gguf"},
                           {"projector", "projector", ".gguf"},
                           {"template", "template", ""},
                           {"system", "system", ""},
                           {"params", "params", ".json"},
                           {"messages", "messages", ".json"},
                           {"license", "license", ""}};

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

[[noreturn]] void Damaged(std::string_view where, std::string what, std::string_view found) {
  throw Error(ErrorCode::kDataLoss, {.message = "an Ollama manifest is damaged: " + std::move(what),
                                     .found = Shown(found),
                                     .where = std::string(where)});
}

// "sha256:<hex>", also with '-'; digits in any case.
std::string DigestOf(const json::object& layer, std::string_view where) {
  const std::string digest = Lower(FindText(layer, "digest"));
  const std::string_view text = digest;
  const bool known = text.starts_with("sha256:") || text.starts_with("sha256-");
  if (!known || !IsSha256(text.substr(7))) Damaged(where, "a digest is none", digest);
  return std::string(text.substr(7));
}

OllamaLayer LayerOf(const json::object& layer, std::string_view where) {
  const std::optional<uint64_t> size = FindUnsigned(layer, "size");
  if (!size) Damaged(where, "a layer has no size", json::serialize(layer));
  const std::string type = FindText(layer, "mediaType");
  return {.kind = type.starts_with(kMediaType) ? type.substr(kMediaType.size()) : type,
          .sha256 = DigestOf(layer, where),
          .size = *size,
          .file = {}};
}

// A second of a kind is numbered.
std::string FileOf(std::string_view kind, std::map<std::string, int>& counts) {
  for (const Kind& known : kKinds) {
    if (known.name != kind) continue;
    const int count = ++counts[std::string(kind)];
    return std::string(known.stem) + (count > 1 ? "-" + std::to_string(count) : "") +
           std::string(known.extension);
  }
  return {};
}

}  // namespace

const OllamaLayer* OllamaManifest::Find(std::string_view kind) const {
  const auto found = std::ranges::find(layers, kind, &OllamaLayer::kind);
  return found == layers.end() ? nullptr : &*found;
}

OllamaManifest ParseOllamaManifest(std::string_view text, std::string_view where) {
  const json::value document = ParseDocument(text, where);
  const json::object* object = document.if_object();
  const json::array* layers = object == nullptr ? nullptr : FindArray(*object, "layers");
  if (layers == nullptr) Damaged(where, "it has no layers", text.substr(0, 80));
  if (layers->size() > kMostLayers) {
    Damaged(where, "it has too many layers", std::to_string(layers->size()));
  }
  OllamaManifest manifest;
  if (const json::object* config = FindObject(*object, "config")) {
    manifest.config = LayerOf(*config, where);
    manifest.config.kind = "config";
  }
  std::map<std::string, int> counts;
  std::map<std::string, uint64_t> sizes;
  for (const json::value& value : *layers) {
    const json::object* layer = value.if_object();
    if (layer == nullptr) Damaged(where, "a layer is none", json::serialize(value));
    manifest.layers.push_back(LayerOf(*layer, where));
    const OllamaLayer& added = manifest.layers.back();
    const auto [known, first] = sizes.emplace(added.sha256, added.size);
    if (!first && known->second != added.size) {
      Damaged(where, "a blob has two sizes", added.sha256);
    }
    manifest.layers.back().file = FileOf(manifest.layers.back().kind, counts);
  }
  if (manifest.Find("model") != nullptr) return manifest;
  std::string kinds;
  for (const OllamaLayer& layer : manifest.layers) {
    kinds += (kinds.empty() ? "" : ", ") + Shown(layer.kind);
  }
  throw Error(ErrorCode::kUnsupported, {.message = "this Ollama model has no GGUF",
                                        .expected = "a layer of kind model",
                                        .found = kinds.empty() ? "no layer" : kinds,
                                        .where = std::string(where)});
}

ModelKey OllamaKeyOf(const ModelReference& reference) {
  std::string registry = "ollama";
  if (const std::string host = Lower(reference.host); !host.empty() && host != kOwnHost) {
    registry += "_" + host;
    std::ranges::replace(registry, ':', '_');
  }
  return {.registry = std::move(registry),
          .org = Lower(reference.organisation),
          .name = Lower(reference.name),
          .revision = Lower(reference.revision.empty() ? "latest" : reference.revision)};
}

bool IsOllama(const ModelKey& key) {
  return key.registry == "ollama" || key.registry.starts_with("ollama_");
}

}  // namespace hyprstream::registry
