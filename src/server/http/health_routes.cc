// Whether the process lives, whether it wants requests, and what it is.
#include <boost/json.hpp>

#include "server/http/app.h"
#include "server/http/error_reply.h"

namespace hyprstream::server {

namespace json = boost::json;

void AddHealthRoutes(Router& router, App& app) {
  const auto health = [](Call&) { return Reply{.body = R"({"status":"ok"})"}; };
  for (const char* path : {"/health", "/v1/health", "/ping"}) {
    router.Add({"GET", path, Access::kAnyone, health});
  }
  router.Add({"GET", "/ready", Access::kAnyone, [&app](Call&) {
                if (app.draining) {
                  return ErrorReply(503, "the server is about to end", Dialect::kOpenAi);
                }
                return Reply{.body = R"({"status":"ready"})"};
              }});
  router.Add(
      {"GET", "/version", Access::kUse, [&app](Call&) {
         return Reply{.body = json::serialize(json::object{{"version", app.program_version}})};
       }});
}

}  // namespace hyprstream::server
