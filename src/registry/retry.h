// When to try again. A server that is busy or gone for a moment is asked again after a pause that
// doubles, or after the one it asks for; progress in between starts the count anew. Values.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string_view>

#include "registry/http_client.h"

namespace hyprstream::registry {

struct RetryOptions {
  int attempts = 5;  // without any progress between them
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{16'000};
  std::chrono::seconds longest_asked{300};  // a server that asks for more is not waited for
};

/// 408, 429 and 5xx other than 501 and 505.
bool IsTransient(int status);

/// Retry-After: seconds, or an HTTP date. Nothing when absent or unreadable.
std::optional<std::chrono::seconds> RetryAfter(const HttpHeaders& headers);

class Retries {
 public:
  explicit Retries(RetryOptions options, std::stop_token stop = {})
      : options_(options), stop_(std::move(stop)) {}

  void Progressed() { failures_ = 0; }
  /// Waits before the next attempt. False when there is none left, or when the server asks for more
  /// patience than there is. Errors: kCancelled.
  bool Wait(std::optional<std::chrono::seconds> asked = {});

 private:
  RetryOptions options_;
  std::stop_token stop_;
  int failures_ = 0;
};

/// Sends, and sends again while the server is busy or cannot be reached. What comes back is the
/// last response, which may still be a busy one. The request must not have an `upload`. Errors:
/// those of HttpClient::Send.
HttpResponse SendPatiently(HttpClient& client, const HttpRequest& request,
                           const RetryOptions& options);

}  // namespace hyprstream::registry
