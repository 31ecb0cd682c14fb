#include "registry/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <string>

#include "base/error.h"

namespace hyprstream::registry {

bool IsTransient(int status) {
  return status == 408 || status == 429 ||
         (status >= 500 && status <= 599 && status != 501 && status != 505);
}

std::optional<std::chrono::seconds> RetryAfter(const HttpHeaders& headers) {
  const std::string text(headers.Find("Retry-After"));
  if (text.empty()) return {};
  int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed == std::errc() && end == text.data() + text.size()) {
    return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, 1 << 30));
  }
  const time_t then = curl_getdate(text.c_str(), nullptr);
  if (then < 0) return {};
  return std::chrono::seconds(std::clamp<int64_t>(then - std::time(nullptr), 0, 1 << 30));
}

bool Retries::Wait(std::optional<std::chrono::seconds> asked) {
  if (++failures_ >= options_.attempts) return false;
  if (asked && *asked > options_.longest_asked) return false;
  auto pause =
      std::min(options_.first_pause * (1 << std::min(failures_ - 1, 10)), options_.longest_pause);
  if (asked) pause = *asked;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop_, pause, [] { return false; });
  if (stop_.stop_requested()) {
    throw Error(ErrorCode::kCancelled, {.message = "the transfer was stopped"});
  }
  return true;
}

HttpResponse SendPatiently(HttpClient& client, const HttpRequest& request,
                           const RetryOptions& options) {
  HYPR_CHECK(!request.upload);
  Retries retries(options, client.options().stop);
  while (true) {
    try {
      HttpResponse response = client.Send(request);
      if (!IsTransient(response.status) || !retries.Wait(RetryAfter(response.headers))) {
        return response;
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable || !retries.Wait()) throw;
    }
  }
}

}  // namespace hyprstream::registry
