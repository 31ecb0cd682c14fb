// The seam between sockets and what the server does: a request goes in, a reply comes out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "server/http/message.h"

namespace hyprstream::server {

/// How an exchange ended, told by the connection's thread.
struct Outcome {
  int status = 0;
  uint64_t body_bytes = 0;  // that the client's machine has taken
  bool complete = false;    // false: the client left, or the body broke
};

struct Handled {
  Reply reply;
  Headers headers;                           // besides the reply's own, whatever it turns out to be
  std::function<void(const Outcome&)> done;  // may be empty; must be quick
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// May block and compute; called by many threads. Never throws: an error is a reply.
  virtual Handled Handle(Request request, const std::string& peer) = 0;
  /// The reply to what is not even a request.
  virtual Reply Refuse(int status, const std::string& text) = 0;
};

}  // namespace hyprstream::server
