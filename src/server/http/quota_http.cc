#include "server/http/quota_http.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using std::chrono::nanoseconds;

/// "1h2m3s", "41.250s": clients read what Go writes.
std::string DurationText(nanoseconds time) {
  const int64_t milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  const int64_t minutes = milliseconds / 60'000;
  std::array<char, 64> seconds{};
  std::snprintf(seconds.data(), seconds.size(), milliseconds % 1000 == 0 ? "%.0fs" : "%.3fs",
                static_cast<double>(milliseconds % 60'000) / 1e3);
  std::string text;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + seconds.data();
}

std::string Body(const QuotaExceeded& refusal, Dialect dialect) {
  const std::string& message = refusal.detail().message;
  if (dialect == Dialect::kOllama) return json::serialize(json::object{{"error", message}});
  return json::serialize(json::object{{"error",
                                       {{"message", message},
                                        {"type", QuotaKindName(refusal.kind())},
                                        {"param", nullptr},
                                        {"code", "rate_limit_exceeded"}}}});
}

void Take(App& app, Call& call, std::vector<QuotaSubject> subjects, const QuotaAmounts& most) {
  if (call.key != nullptr) {
    subjects.push_back({.kind = QuotaSubject::Kind::kKey, .name = call.key->name});
  }
  call.record->quota = app.quotas.Admit(subjects, most);
}

}  // namespace

int64_t MostTokens(std::span<const engine::GenerationRequest> requests, size_t choices_per_prompt,
                   int64_t context) {
  int64_t tokens = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto prompt = std::ssize(requests[i].prompt);
    if (i % choices_per_prompt == 0) tokens += prompt;
    tokens += std::clamp<int64_t>(context - prompt, 0, requests[i].max_tokens);
  }
  return tokens;
}

void TakeQuota(App& app, Call& call, const Speaker& speaker, const QuotaAmounts& most) {
  std::vector<QuotaSubject> subjects;
  for (const engine::AdapterChoice& choice : speaker.adapters) {
    const std::string& name = choice.adapter->name;
    subjects.push_back(
        {.kind = QuotaSubject::Kind::kAdapter, .name = name.substr(0, name.rfind('@'))});
  }
  Take(app, call, std::move(subjects), most);
}

void TakeQuota(App& app, Call& call, const std::string& adapter, const QuotaAmounts& most) {
  std::vector<QuotaSubject> subjects;
  if (!adapter.empty()) {
    subjects.push_back({.kind = QuotaSubject::Kind::kAdapter, .name = adapter});
  }
  Take(app, call, std::move(subjects), most);
}

Headers QuotaHeaders(const std::vector<QuotaStanding>& standings) {
  Headers headers;
  for (const QuotaStanding& standing : standings) {
    const std::string kind(QuotaKindName(standing.kind));
    headers.emplace_back("x-ratelimit-limit-" + kind, std::to_string(standing.limit));
    headers.emplace_back("x-ratelimit-remaining-" + kind, std::to_string(standing.remaining));
    headers.emplace_back("x-ratelimit-reset-" + kind, DurationText(standing.reset));
  }
  return headers;
}

Reply QuotaReply(const QuotaExceeded& refusal, Dialect dialect) {
  Reply reply{
      .status = 429, .headers = QuotaHeaders(refusal.standings()), .body = Body(refusal, dialect)};
  if (const auto wait = refusal.wait()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    reply.headers.emplace_back("Retry-After", std::to_string(std::max<int64_t>(seconds, 1)));
  } else {
    reply.headers.emplace_back("x-should-retry", "false");
  }
  return reply;
}

}  // namespace hyprstream::server
