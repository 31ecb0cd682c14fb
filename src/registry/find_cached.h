// A model that the Hub's Python client has downloaded, used where it lies. Nothing is fetched,
// copied or written. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "registry/hub_cache.h"
#include "registry/reference.h"

namespace hyprstream::registry {

struct CachedModel {
  std::filesystem::path path;  // the snapshot's folder, or a GGUF in it
  std::string name;            // "Qwen3-0.6B"
  std::string reference;       // with its commit: finds the same model again
};

/// Nothing when the model is not there whole. Errors: kFailedPrecondition listing the GGUFs when
/// there are several and `reference` chooses none.
std::optional<CachedModel> FindCached(const HubCache& cache, const ModelReference& reference);

}  // namespace hyprstream::registry
