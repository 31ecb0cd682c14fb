// What a handler is given and what it answers, free of sockets: a request read whole, and a reply
// that is ready, or comes in pieces, or is not known yet. Plain values; the thread that holds one
// owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyprstream::server {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // percent-decoded, without the query
  std::string query;   // as sent, without '?'
  Headers headers;     // names in lower case
  std::string body;
  bool keep_alive = true;
  int version = 11;  // 10 or 11

  /// The first of that name (in lower case); empty when there is none.
  std::string_view Header(std::string_view name) const;
};

/// A reply, or a part of one, that somebody else is still making. Used by one thread, but for what
/// it says to `ready`. Dropping it cancels whatever makes it.
class Source {
 public:
  virtual ~Source() = default;
  /// `ready` may be called by any thread, whenever asking again may give more; it must be quick.
  /// Set once, before the first question.
  virtual void WhenReady(std::function<void()> ready) = 0;
};

/// A body that comes in pieces.
class BodySource : public Source {
 public:
  enum class State { kMore, kEnd, kBroken };
  /// Appends what there is now; never blocks. kMore: ask again when ready. kBroken: the connection
  /// is to be closed without the mark that says the body was whole.
  virtual State Take(std::string& out) = 0;
  /// What may be sent after a long silence, so that nobody on the way takes the connection for
  /// dead.
  virtual std::string_view Heartbeat() const { return {}; }
};

struct Reply;

/// A reply of which not even the status is known.
class LaterReply : public Source {
 public:
  /// Nothing while it is not known; never blocks.
  virtual std::optional<Reply> Take() = 0;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers = {};
  std::string body = {};
  std::unique_ptr<BodySource> stream = nullptr;  // instead of `body`
  std::unique_ptr<LaterReply> later = nullptr;   // when set, all else is to be ignored
};

/// "Not Found" for 404.
std::string_view ReasonPhrase(int status);

/// "%2F" → "/". Nothing for a damaged escape or a zero byte. '+' stays.
std::optional<std::string> PercentDecode(std::string_view text);

/// The value of `name` in "a=1&b=2", decoded, '+' as space; nothing when it is missing.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

}  // namespace hyprstream::server
