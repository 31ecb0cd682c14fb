// Requests over HTTP for what comes from registries, with libcurl. Nothing that a server sends is
// trusted: headers and documents have limits, a redirect is followed only where the caller allows
// it, never from https to http, and a token goes to the address it was meant for and nowhere else.
// Neither tokens nor the queries of addresses appear in an error.
//
// One thread per object; connections are kept open between requests. Proxies come from the
// environment (http_proxy, https_proxy, no_proxy).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyprstream::registry {

inline constexpr size_t kMaxDocumentBytes = 4u << 20;
inline constexpr size_t kMaxHeaderBytes = 64u << 10;

struct HttpHeaders {
  std::vector<std::pair<std::string, std::string>> fields;
  /// The last value of a name in any case; empty when there is none.
  std::string_view Find(std::string_view name) const;
};

struct HttpRequest {
  enum class Method { kGet, kHead, kPost, kPut };
  /// kFollow: any web address; kRelative: only those that stay on the server by naming none.
  enum class Redirects { kFollow, kRelative, kNone };

  Method method = Method::kGet;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string token = {};  // sent as a bearer token to the url's own address only
  Redirects redirects = Redirects::kFollow;
  std::string body = {};
  /// Instead of `body`: `upload_size` bytes, asked for piece by piece; 0 ends early.
  std::function<size_t(std::span<std::byte>)> upload = {};
  uint64_t upload_size = 0;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;  // empty when a sink took it
  std::string url;   // that answered

  /// Absolute, for a redirect that was not followed; else empty.
  std::string location;
  /// Content-Length, when there is a valid one.
  std::optional<uint64_t> content_length() const;
};

struct HttpOptions {
  std::string user_agent = "hyprstream";
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::seconds stall_timeout{30};  // no byte for so long: given up
  std::string certificates = {};           // file of trusted ones; empty: the system's
  std::stop_token stop = {};               // requested: kCancelled
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// Decides on the final response's headers what becomes of the body: a sink for it, or none to
  /// have it in `body`. Throwing an Error ends the transfer with that error.
  using Sink = std::function<void(std::span<const std::byte>)>;
  using ChooseSink = std::function<Sink(const HttpResponse&)>;

  /// Any status is a response. Errors: kUnavailable for a server that cannot be reached, breaks off
  /// or stalls; kDataLoss for what breaks the protocol or a limit; kPermissionDenied for a redirect
  /// from https to http; kCancelled; whatever the sink throws.
  HttpResponse Send(const HttpRequest& request, const ChooseSink& choose = {});

  const HttpOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hyprstream::registry
