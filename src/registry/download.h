// Fetches one file into a PartialFile: continues where an earlier attempt stopped, by as many
// connections as are allowed, and hashes what has come while the rest is coming.
//
// What the server does decides little: a range that is ignored makes the file begin anew over one
// connection, an address that has expired is asked for again, a connection that is cut or stalls is
// resumed, a busy server is waited for. What arrives must have the announced size and hash, or the
// partial file is emptied and an error says so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "registry/blob_hash.h"
#include "registry/http_client.h"
#include "registry/partial_file.h"
#include "registry/retry.h"

namespace hyprstream::registry {

/// What is to be had. One of the hashes, or both, is known.
struct RemoteFile {
  std::string name;  // for messages
  uint64_t size = 0;
  std::string sha256 = {};
  std::string git_sha1 = {};
};

/// Where to get it: perhaps for a short time only.
struct RemoteAddress {
  std::string url;
  std::string token = {};  // for that address alone
};
/// Asks for a (new) address. Called by one thread at a time. Errors end the download.
using Locate = std::function<RemoteAddress()>;

struct DownloadOptions {
  HttpOptions http = {};
  RetryOptions retries = {};
  size_t connections = 4;                   // for this file
  uint64_t part_size = uint64_t{32} << 20;  // a file of one part has one connection
};

struct Downloaded {
  BlobNames names;       // the SHA-256 always
  uint64_t fetched = 0;  // bytes that came over the network in this call
};

/// `on_progress` is told how many of the file's bytes are there, by any thread, often.
/// Errors: kUnavailable when the server keeps failing; kDataLoss for a wrong size or hash;
/// kResourceExhausted for a full disk; kCancelled; what `locate` throws.
Downloaded Download(const RemoteFile& file, const Locate& locate, PartialFile& partial,
                    const DownloadOptions& options,
                    const std::function<void(uint64_t)>& on_progress = {});

}  // namespace hyprstream::registry
