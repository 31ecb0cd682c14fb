// One client's connection: reads requests, lets workers handle them, writes the replies, one after
// the other. Two coroutines on one I/O thread: one always reads, so that a client that leaves is
// noticed while its answer is being made; the other does the rest. Nothing here blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http/handler.h"
#include "server/http/request_parser.h"
#include "server/http/transport.h"

namespace hyprstream::server {

struct ConnectionLimits {
  MessageLimits message;
  std::chrono::seconds handshake{10};
  std::chrono::seconds idle{75};       // between requests
  std::chrono::seconds head{10};       // from a request's first byte to the end of its header
  std::chrono::seconds body{120};      // for the whole body
  std::chrono::seconds write{30};      // for a client that does not read
  std::chrono::seconds heartbeat{15};  // of silence in a stream
  std::chrono::seconds linger{5};      // for what a client still sends after the last reply
};

/// Awaited by one coroutine, set by any other on the same thread.
class Event {
 public:
  explicit Event(asio::io_context& io);
  void Set();
  asio::awaitable<void> Wait();

 private:
  asio::steady_timer timer_;
  bool set_ = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  struct Surroundings {
    std::shared_ptr<asio::io_context> io;  // of the connection's thread
    asio::thread_pool& workers;
    RequestHandler& handler;
    const ConnectionLimits& limits;
    std::function<void(Connection*)> gone;  // called once, when nothing is left of it
  };

  Connection(std::unique_ptr<Transport> transport, std::string peer, Surroundings surroundings);
  ~Connection();

  // What follows is for the connection's thread.
  void Start();
  /// After the reply in progress, if any, it ends.
  void Drain();
  /// Called about once a second: closes it when a limit has passed, wakes a stream that was silent.
  void Sweep(Clock::time_point now);
  void Close();

 private:
  struct Message;

  asio::awaitable<void> ReadAll(std::shared_ptr<Connection> self);
  asio::awaitable<void> Serve(std::shared_ptr<Connection> self);
  asio::awaitable<bool> ServeOne();
  asio::awaitable<void> ReadRequest(Message& message);
  asio::awaitable<void> Feed(RequestParser& parser);
  asio::awaitable<Handled> LetHandle(Request request);
  asio::awaitable<bool> Await(Reply& reply);
  asio::awaitable<void> Send(Reply& reply, Message& message, Outcome& outcome);
  asio::awaitable<bool> SendStream(BodySource& stream, bool chunked, Outcome& outcome);
  asio::awaitable<bool> Write(std::string_view bytes);
  asio::awaitable<void> Leave();
  std::function<void()> Waker();
  void Allow(std::chrono::seconds time) { deadline_ = Clock::now() + time; }
  void AllowForever() { deadline_ = Clock::time_point::max(); }

  const std::unique_ptr<Transport> transport_;
  const std::string peer_;
  const Surroundings around_;
  std::string input_;   // read, not yet parsed
  bool ended_ = false;  // nothing more will be read
  bool draining_ = false;
  bool idle_ = true;                                      // between requests
  Event input_event_;                                     // input_ has grown, or ended_
  Event space_event_;                                     // input_ has shrunk
  Event reply_event_;                                     // a reply may have got further, or ended_
  bool silent_ = false;                                   // a heartbeat is due
  Clock::time_point written_ = Clock::time_point::max();  // last, while a stream is sent
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace hyprstream::server
