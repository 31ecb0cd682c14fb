#include "server/http/site.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/uuid.h"
#include "server/http/error_reply.h"
#include "server/http/quota_http.h"

namespace hyprstream::server {
namespace {

using Clock = std::chrono::steady_clock;

/// "localhost" for "localhost:8080", "[::1]" for "[::1]:8080".
std::string_view WithoutPort(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  const bool port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return port ? host.substr(0, colon) : host;
}

bool IsThisMachine(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

Error Forbidden(std::string message) {
  return Error(ErrorCode::kPermissionDenied, {.message = std::move(message)});
}

LogFields FieldsOf(const std::string& id, const std::string& peer, const std::string& method,
                   const std::string& route, const ApiKey* key, const RequestRecord& record,
                   const Outcome& outcome, Clock::duration time) {
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.6f",
                std::chrono::duration<double>(time).count());
  LogFields fields{{"event", "request"},
                   {"id", id},
                   {"peer", peer},
                   {"method", method},
                   {"route", route},
                   {"status", std::to_string(outcome.status), LogField::Kind::kNumber},
                   {"bytes", std::to_string(outcome.body_bytes), LogField::Kind::kNumber},
                   {"seconds", seconds.data(), LogField::Kind::kNumber}};
  if (key != nullptr) fields.push_back({"key", key->name});
  if (!record.model.empty()) {
    fields.push_back({"model", record.model});
    fields.push_back({"adapter", record.version});
    fields.push_back(
        {"prompt_tokens", std::to_string(record.prompt_tokens), LogField::Kind::kNumber});
    fields.push_back(
        {"completion_tokens", std::to_string(record.completion_tokens), LogField::Kind::kNumber});
  }
  if (!outcome.complete) fields.push_back({"incomplete", "1", LogField::Kind::kNumber});
  return fields;
}

}  // namespace

Site::Site(App& app, SiteOptions options) : app_(app), options_(std::move(options)) {
  AddHealthRoutes(router_, app);
  AddModelRoutes(router_, app);
  AddChatRoutes(router_, app);
  AddCompletionRoutes(router_, app);
  AddEmbeddingRoutes(router_, app);
  AddTokenRoutes(router_, app);
  AddAdapterRoutes(router_, app);
  AddLearningRoutes(router_, app);
  AddEventRoutes(router_, app);
  AddFileRoutes(router_, app);
  AddJobRoutes(router_, app);
  AddLoraRoutes(router_, app);
  AddMetricsRoutes(router_, app);
  AddPageRoutes(router_);
  AddPlacementRoutes(router_, app);
  AddOllamaRoutes(router_, app);
  AddOllamaModelRoutes(router_, app);
}

Handled Site::Handle(Request request, const std::string& peer) {
  const auto begin = Clock::now();
  const auto record = std::make_shared<RequestRecord>();
  const Route* route = nullptr;
  const ApiKey* key = nullptr;
  const std::string id = RandomUuid();
  Handled handled{.reply = Answer(request, route, key, record),
                  .headers = {{"x-request-id", id}, {"X-Content-Type-Options", "nosniff"}},
                  .done = {}};
  for (auto& header : QuotaHeaders(record->quota.standings())) {
    handled.headers.push_back(std::move(header));
  }
  const std::string pattern = route == nullptr ? "none" : route->pattern;
  const std::string method = route == nullptr ? "other" : route->method;
  handled.done = [this, id, peer, method, pattern, key, record, begin](const Outcome& outcome) {
    const auto time = Clock::now() - begin;
    record->quota.Settle(
        {.tokens = record->prompt_tokens + record->completion_tokens, .samples = record->samples});
    app_.http_metrics.Observe(pattern, method, outcome.status, time);
    if (!options_.log) return;
    options_.log(FieldsOf(id, peer, method, pattern, key, *record, outcome, time));
  };
  return handled;
}

Reply Site::Answer(const Request& request, const Route*& route, const ApiKey*& key,
                   const std::shared_ptr<RequestRecord>& record) {
  const Dialect dialect = DialectOf(request.path);
  try {
    CheckHost(request);
    CheckOrigin(request);
    Router::Match match = router_.Find(request.method, request.path);
    route = match.route;
    if (route == nullptr && match.allowed.empty()) {
      return ErrorReply(404, "there is nothing at " + request.path, dialect);
    }
    if (route == nullptr) {
      Reply reply = request.method == "OPTIONS"
                        ? Reply{.status = 204, .content_type = ""}
                        : ErrorReply(405, "this path answers to " + match.allowed, dialect);
      reply.headers.emplace_back("Allow", match.allowed);
      return reply;
    }
    key = Authenticate(request, route->access);
    Call call{.request = request, .path = std::move(match.path), .key = key, .record = record};
    return route->handler(call);
  } catch (const QuotaExceeded& refusal) {
    return QuotaReply(refusal, dialect);
  } catch (const Error& error) {
    return ErrorReply(error, dialect);
  } catch (const std::bad_alloc&) {
    return ErrorReply(503, "out of memory", dialect);
  } catch (const std::exception& problem) {
    LogError(std::string("a request failed: ") + problem.what());
    return ErrorReply(500, "the server failed to answer", dialect);
  }
}

Reply Site::Refuse(int status, const std::string& text) {
  return ErrorReply(status, text, Dialect::kOpenAi);
}

void Site::CheckHost(const Request& request) const {
  if (!options_.local_hosts_only) return;
  const std::string_view host = WithoutPort(request.Header("host"));
  const bool allowed =
      std::ranges::find(options_.allowed_hosts, host) != options_.allowed_hosts.end();
  if (host.empty() || IsThisMachine(host) || allowed) return;
  throw Forbidden("the Host header names another machine");
}

// A page of another site may make a browser send requests here; the browser says so.
void Site::CheckOrigin(const Request& request) const {
  if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS") return;
  const std::string_view origin = request.Header("origin");
  if (origin.empty()) return;
  const size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && origin.substr(scheme + 3) == request.Header("host")) {
    return;
  }
  throw Forbidden("the request comes from a page of another origin");
}

const ApiKey* Site::Authenticate(const Request& request, Access access) const {
  if (!options_.keys || access == Access::kAnyone) return nullptr;
  constexpr std::string_view kBearer = "bearer ";
  std::string_view given = request.Header("authorization");
  const bool bearer =
      given.size() > kBearer.size() &&
      std::ranges::equal(given.substr(0, kBearer.size()), kBearer, [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
      });
  given = bearer ? given.substr(kBearer.size()) : request.Header("x-api-key");
  const ApiKey* key = options_.keys->Find(given);
  if (key == nullptr) {
    throw Error(ErrorCode::kUnauthenticated,
                {.message = given.empty() ? "an API key is needed" : "the API key is not known"});
  }
  if (key->role >= access) return key;
  throw Forbidden("this needs a key of the role " + std::string(AccessName(access)));
}

}  // namespace hyprstream::server
