// Everything between a request and its route: who may come in, where it goes, how an error is told,
// what is written down afterwards. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/api_keys.h"
#include "server/http/app.h"
#include "server/http/handler.h"
#include "server/log_fields.h"

namespace hyprstream::server {

struct SiteOptions {
  /// Nothing: everybody may do everything.
  std::optional<ApiKeys> keys;
  /// A Host header must name this machine: pages of other names that resolve to 127.0.0.1 are kept
  /// out. For servers that listen on loopback only.
  bool local_hosts_only = true;
  std::vector<std::string> allowed_hosts;     // besides
  std::function<void(const LogFields&)> log;  // after each exchange; may be empty
};

class Site : public RequestHandler {
 public:
  /// `app` must outlive the site.
  Site(App& app, SiteOptions options);

  Handled Handle(Request request, const std::string& peer) override;
  Reply Refuse(int status, const std::string& text) override;

 private:
  Reply Answer(const Request& request, const Route*& route, const ApiKey*& key,
               const std::shared_ptr<RequestRecord>& record);
  void CheckHost(const Request& request) const;
  void CheckOrigin(const Request& request) const;
  const ApiKey* Authenticate(const Request& request, Access access) const;

  App& app_;
  const SiteOptions options_;
  Router router_;
};

}  // namespace hyprstream::server
