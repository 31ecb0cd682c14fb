// Fetches a model of an Ollama registry into the store: the manifest, then each layer that is used
// here, hashed while it streams. The manifest is kept with its bytes as they came; the model
// appears whole and takes the place of what the tag meant before. What was stopped is continued by
// the next pull.
#pragma once

#include "registry/ollama_manifest.h"
#include "registry/ollama_settings.h"
#include "registry/pull.h"

namespace hyprstream::registry {

struct OllamaRequest {
  ModelReference model;   // of Ollama
  bool force = false;     // fetch again what is there
  bool insecure = false;  // http:// is good enough for a host that the reference names
};

/// Errors: kNotFound for an unknown model; kUnauthenticated; kFailedPrecondition offline;
/// kPermissionDenied for a registry without encryption that nobody allowed; kDataLoss for a wrong
/// manifest or digest; those of Download and Store.
PullResult PullOllama(const OllamaSettings& settings, Store& store, const OllamaRequest& request,
                      const PullOptions& options);

}  // namespace hyprstream::registry
