// Puts a folder (a converted model, an exported adapter) or a single file into a repository of the
// Hugging Face Hub: makes the repository where there is none, sends large files to the storage that
// the hub names (those it has already are not sent), and commits everything at once, so that others
// see all of it or nothing. One thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "registry/hub_settings.h"
#include "registry/retry.h"
#include "registry/transfer_progress.h"

namespace hyprstream::registry {

struct PushRequest {
  std::filesystem::path source;
  std::string repository;         // "org/name"
  std::string revision = "main";  // a branch
  bool is_private = false;        // of a repository that is made
  std::string message;            // of the commit
};

struct PushOptions {
  RetryOptions retries = {};
  TransferListener progress = {};
};

struct PushResult {
  std::string commit;
  std::string url;  // of the repository
  std::vector<std::string> files;
  uint64_t bytes = 0;
  uint64_t sent = 0;  // to the storage, in this call
  bool created = false;
};

/// Errors: kUnauthenticated without a token, or with one that may not write; kNotFound for a source
/// that is not there or empty; kPermissionDenied; kUnavailable; kDataLoss for an answer that means
/// nothing; kFailedPrecondition offline.
PushResult PushHuggingFace(const HubSettings& settings, const PushRequest& request,
                           const PushOptions& options);

}  // namespace hyprstream::registry
