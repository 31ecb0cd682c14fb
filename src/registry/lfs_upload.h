// Sends large files to the storage behind a Hugging Face repository, by git's LFS batch protocol:
// the hub is told their hashes and names an address for each that it has not; large ones go in
// parts. The token goes to the hub alone. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "registry/http_client.h"
#include "registry/hub_settings.h"
#include "registry/json_reader.h"
#include "registry/retry.h"
#include "registry/transfer_progress.h"

namespace hyprstream::registry {

struct LocalFile {
  std::filesystem::path path;
  std::string name;  // in the repository
  uint64_t size = 0;
  std::string sha256;  // of large ones, once they are hashed
  bool large = false;  // in LFS
};

/// Hashes the large ones among `files` and sends what the storage has not. Returns the bytes sent.
/// Errors: kPermissionDenied, kUnavailable, kDataLoss, kIo.
uint64_t UploadLarge(HttpClient& client, const HubSettings& settings, const std::string& repository,
                     std::vector<LocalFile>& files, const RetryOptions& retries,
                     const TransferListener& progress);

}  // namespace hyprstream::registry
