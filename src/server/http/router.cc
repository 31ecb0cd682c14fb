#include "server/http/router.h"

#include <algorithm>
#include <optional>

namespace hyprstream::server {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

/// The part before the next '/', which is taken off with it.
std::string_view TakeSegment(std::string_view& path) {
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return segment;
}

std::optional<Parameters> MatchPattern(std::string_view pattern, std::string_view path) {
  Parameters parameters;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  while (!pattern.empty() && !path.empty()) {
    if (pattern.starts_with('{') && pattern.ends_with("...}")) {
      parameters.emplace(pattern.substr(1, pattern.size() - 5), path);
      return parameters;
    }
    const std::string_view wanted = TakeSegment(pattern);
    const std::string_view given = TakeSegment(path);
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      parameters.emplace(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

}  // namespace

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    std::optional<Parameters> parameters = MatchPattern(route.pattern, path);
    if (!parameters) continue;
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      match.route = &route;
      match.path = std::move(*parameters);
      return match;
    }
    if (match.allowed.find(route.method) != std::string::npos) continue;
    match.allowed += (match.allowed.empty() ? "" : ", ") + route.method;
  }
  return match;
}

}  // namespace hyprstream::server
