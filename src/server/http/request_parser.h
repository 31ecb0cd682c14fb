// Bytes from a client to a request, within limits; what is not HTTP/1.x is refused with the status
// that says why. One thread, one request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace hyprstream::server {

struct MessageLimits {
  uint64_t body_bytes = uint64_t{16} << 20;
  uint32_t header_bytes = uint32_t{64} << 10;  // with the request line
};

/// The connection cannot go on after this.
struct BadMessage {
  int status = 400;
  std::string text;
};

class RequestParser {
 public:
  explicit RequestParser(const MessageLimits& limits);
  ~RequestParser();

  /// Takes what it can of the bytes that follow those taken before, and says how many it took. 0:
  /// more are needed in one piece with these. Throws BadMessage.
  size_t Put(std::string_view bytes);
  bool started() const;  // has seen any byte
  bool head_done() const;
  bool done() const;
  /// The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  /// Once done. Throws BadMessage for a target that is none.
  Request Take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hyprstream::server
