// Listens, accepts, and gives each connection to one of few I/O threads. Free of what is served:
// that is the RequestHandler's. The object belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server/http/handler.h"
#include "server/http/request_parser.h"

namespace hyprstream::server {

enum class TlsVersion { k12, k13 };

struct TlsOptions {
  std::filesystem::path certificate;  // PEM, with the chain
  std::filesystem::path key;          // PEM
  std::filesystem::path client_ca;    // PEM; empty: clients need no certificate
  TlsVersion minimum = TlsVersion::k12;
  bool enabled() const { return !certificate.empty(); }
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;  // 0: any free one
  TlsOptions tls = {};
  int io_threads = 1;
  int workers = 4;  // threads that handle requests
  int64_t max_connections = 10'000;
};

class HttpServer {
 public:
  /// Binds. `handler` must outlive the server. Errors: kInvalidArgument for certificates that
  /// cannot be used and hosts that have no address; kUnavailable for an address in use; kIo.
  HttpServer(const HttpOptions& options, RequestHandler& handler);
  /// Closes every connection.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  /// "127.0.0.1:8080", one for each address of the host.
  std::vector<std::string> addresses() const;
  void Start();
  /// Accepts nobody any more and lets replies in progress finish. Returns when all are done or at
  /// the end of `patience`; false: some were not.
  bool Drain(std::chrono::milliseconds patience);
  int64_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether every address of `host` is of this machine only. Errors: kInvalidArgument when it has no
/// address.
bool IsLoopback(const std::string& host);

}  // namespace hyprstream::server
