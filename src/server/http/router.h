// Which handler answers which method and path. Built once; afterwards any thread may ask.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/api_keys.h"
#include "server/http/message.h"
#include "server/quota_ledger.h"

namespace hyprstream::server {

/// What a request turned out to be about, for the log, the metrics and the quotas. Filled by
/// whoever answers; read when the exchange is over, also when the client has left and somebody
/// still counts.
struct RequestRecord {
  std::string model;
  std::string version;  // of the adapters
  std::atomic<int64_t> prompt_tokens{0};
  std::atomic<int64_t> completion_tokens{0};
  std::atomic<int64_t> samples{0};  // taken to be learnt
  QuotaTicket quota;
};

struct Call {
  const Request& request;
  std::map<std::string, std::string, std::less<>> path;  // what {name} stood for
  const ApiKey* key = nullptr;                           // null: no keys are asked for
  std::shared_ptr<RequestRecord> record;
};

using Handler = std::function<Reply(Call&)>;

struct Route {
  std::string method;
  std::string pattern;  // "/v1/models/{id...}": {x} is one segment, {x...} all that follow
  Access access = Access::kUse;
  Handler handler;
};

class Router {
 public:
  void Add(Route route) { routes_.push_back(std::move(route)); }

  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string, std::less<>> path;
    std::string allowed;  // without a route: the methods this path has; empty: no such path
  };
  /// GET routes answer HEAD too.
  Match Find(std::string_view method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace hyprstream::server
