// Fetches a model of the Hugging Face Hub into the store: looks up the commit, chooses files, takes
// from the store and from the Python client's cache what is there already, fetches the rest side by
// side, checks every byte, and publishes the model whole. What was stopped is continued by the next
// pull; two pulls of one model, in whatever processes, fetch each file once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "registry/hub_files.h"
#include "registry/hub_settings.h"
#include "registry/reference.h"
#include "registry/store.h"
#include "registry/transfer_progress.h"

namespace hyprstream::registry {

struct PullRequest {
  ModelReference model;                 // of the Hugging Face Hub
  std::vector<std::string> files = {};  // names or patterns; empty: what makes the model
  bool force = false;                   // fetch again what is there
};

struct PullOptions {
  DownloadOptions download = {};
  size_t parallel_files = 4;
  TransferListener progress = {};
  std::function<void(const std::string&)> note = {};  // what a user may want to know meanwhile
};

struct PullResult {
  ModelKey key;
  Selection::Kind kind = Selection::Kind::kSafetensors;
  std::filesystem::path folder;
  std::vector<FileRecord> files;
  uint64_t bytes = 0;       // of all files
  uint64_t fetched = 0;     // over the network
  uint64_t from_cache = 0;  // of the Python client
};

/// Errors: those of HuggingFace, SelectFiles, Download and Store; kResourceExhausted when the disk
/// has no room, before anything is fetched.
PullResult PullHuggingFace(const HubSettings& settings, Store& store, const PullRequest& request,
                           const PullOptions& options);

}  // namespace hyprstream::registry
