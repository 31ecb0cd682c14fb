// A manifest of an Ollama model: which blobs it is made of. It comes from a stranger, over the
// network or from another program's folder; digests, sizes and counts are checked before anybody
// uses them. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "registry/names.h"
#include "registry/reference.h"

namespace hyprstream::registry {

struct OllamaLayer {
  std::string kind;  // "model", "adapter", "template", …: the media type's last word
  std::string sha256;
  std::uint64_t size = 0;
  /// What the layer is called in the store: "model.gguf", "adapter.gguf", "system", "params.json",
  /// …; a second one of a kind has its number ("adapter-2.gguf"). Empty for what is not kept.
  std::string file;
};

struct OllamaManifest {
  OllamaLayer config;  // kind "config"; no digest in a manifest without one
  std::vector<OllamaLayer> layers;

  /// The first of the kind; null when there is none.
  const OllamaLayer* Find(std::string_view kind) const;
};

inline constexpr std::string_view kOllamaManifestFile = "manifest.json";

/// Errors: kDataLoss naming `where` for what is no manifest, for a digest that is none and for more
/// layers than a model has; kUnsupported for a model without a GGUF layer.
OllamaManifest ParseOllamaManifest(std::string_view json, std::string_view where);

/// In the store. Names of Ollama are the same in any case; models of other hosts than Ollama's own
/// lie apart.
ModelKey OllamaKeyOf(const ModelReference& reference);
bool IsOllama(const ModelKey& key);

}  // namespace hyprstream::registry
