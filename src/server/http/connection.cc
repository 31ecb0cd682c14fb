#include "server/http/connection.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"

namespace hyprstream::server {
namespace {

// "0000001a\r\n": written before the chunk's size is known, filled in afterwards.
constexpr std::string_view kChunkHead = "00000000\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

void FillChunkSize(std::string& chunk) {
  std::array<char, 8> digits{};
  const size_t size = chunk.size() - kChunkHead.size();
  const auto [end, status] = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16);
  HYPR_CHECK(status == std::errc());
  const auto length = static_cast<size_t>(end - digits.data());
  chunk.replace(digits.size() - length, length, digits.data(), length);
}

void AddHeader(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

Event::Event(asio::io_context& io) : timer_(io, asio::steady_timer::time_point::max()) {}

void Event::Set() {
  set_ = true;
  timer_.cancel();
}

asio::awaitable<void> Event::Wait() {
  while (!set_) {
    (void)co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  set_ = false;
}

/// A request as it was read, or why it could not be.
struct Connection::Message {
  std::optional<Request> request;
  std::optional<BadMessage> bad;
  bool keep_alive = false;
  bool head_only = false;
  int version = 11;
};

Connection::Connection(std::unique_ptr<Transport> transport, std::string peer,
                       Surroundings surroundings)
    : transport_(std::move(transport)),
      peer_(std::move(peer)),
      around_(std::move(surroundings)),
      input_event_(*around_.io),
      space_event_(*around_.io),
      reply_event_(*around_.io) {}

Connection::~Connection() { around_.gone(this); }

void Connection::Start() { asio::co_spawn(*around_.io, Serve(shared_from_this()), asio::detached); }

void Connection::Drain() {
  draining_ = true;
  reply_event_.Set();  // a stream without an end of its own looks whether it is to end
  if (idle_) Close();
}

void Connection::Sweep(Clock::time_point now) {
  if (now > deadline_) {
    Close();
  } else if (written_ != Clock::time_point::max() && now > written_ + around_.limits.heartbeat) {
    silent_ = true;
    reply_event_.Set();
  }
}

void Connection::Close() {
  transport_->Close();
  ended_ = true;
  input_event_.Set();
  space_event_.Set();
  reply_event_.Set();
}

// `self` keeps this alive while the coroutine does.
asio::awaitable<void> Connection::ReadAll([[maybe_unused]] std::shared_ptr<Connection> self) {
  // A header must fit in one piece.
  const size_t limit = around_.limits.message.header_bytes + (size_t{64} << 10);
  while (!ended_) {
    while (input_.size() >= limit && !ended_) co_await space_event_.Wait();
    const bool more = co_await transport_->Read(input_);
    ended_ = ended_ || !more;
    input_event_.Set();
    if (ended_) reply_event_.Set();
  }
}

asio::awaitable<void> Connection::Serve(std::shared_ptr<Connection> self) {
  Allow(around_.limits.handshake);
  const bool agreed = co_await transport_->Handshake();
  if (agreed) {
    asio::co_spawn(*around_.io, ReadAll(self), asio::detached);
    bool go_on = true;
    while (go_on) go_on = co_await ServeOne();
    co_await Leave();
  }
  Close();
}

/// False: that was the last one.
asio::awaitable<bool> Connection::ServeOne() {
  Message message;
  co_await ReadRequest(message);
  idle_ = false;
  Handled handled;
  if (message.request) {
    handled = co_await LetHandle(std::move(*message.request));
  } else if (message.bad) {
    handled.reply = around_.handler.Refuse(message.bad->status, message.bad->text);
  } else {
    co_return false;
  }
  Outcome outcome;
  const bool known = co_await Await(handled.reply);
  if (known) {
    handled.reply.headers.insert(handled.reply.headers.end(), handled.headers.begin(),
                                 handled.headers.end());
    outcome.status = handled.reply.status;
    co_await Send(handled.reply, message, outcome);
  }
  if (handled.done) handled.done(outcome);
  co_return outcome.complete&& message.keep_alive && !draining_;
}

asio::awaitable<void> Connection::ReadRequest(Message& message) {
  RequestParser parser(around_.limits.message);
  idle_ = true;
  Allow(around_.limits.idle);
  try {
    co_await Feed(parser);
    if (parser.done()) {
      message.request = parser.Take();
      message.version = message.request->version;
      message.keep_alive = message.request->keep_alive;
      message.head_only = message.request->method == "HEAD";
    } else if (parser.started()) {
      message.bad = BadMessage{400, "the request ends in the middle"};
    }
  } catch (const BadMessage& bad) {
    message.bad = bad;
  }
  AllowForever();
}

/// Until the request is complete or the client has said its last.
asio::awaitable<void> Connection::Feed(RequestParser& parser) {
  bool told_to_continue = false;
  bool in_body = false;
  for (;;) {
    while (!input_.empty() && !parser.done()) {
      if (idle_) Allow(around_.limits.head);
      idle_ = false;
      const size_t taken = parser.Put(input_);
      input_.erase(0, taken);
      space_event_.Set();
      if (taken == 0) break;
    }
    if (parser.done() || ended_ || (draining_ && idle_)) co_return;
    if (parser.head_done() && !in_body) {
      in_body = true;
      Allow(around_.limits.body);
    }
    if (parser.head_done() && !told_to_continue && parser.expects_continue()) {
      told_to_continue = true;
      const bool sent = co_await transport_->Write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return;
    }
    co_await input_event_.Wait();
  }
}

/// On a worker; this thread goes on with others.
asio::awaitable<Handled> Connection::LetHandle(Request request) {
  struct Job {
    Request request;
    Handled handled;
    bool done = false;
  };
  const auto job = std::make_shared<Job>();
  job->request = std::move(request);
  asio::post(around_.workers, [self = shared_from_this(), job] {
    job->handled = self->around_.handler.Handle(std::move(job->request), self->peer_);
    asio::io_context& io = *self->around_.io;
    asio::post(io, [self, job] {
      job->done = true;
      self->reply_event_.Set();
    });
  });
  while (!job->done) co_await reply_event_.Wait();
  co_return std::move(job->handled);
}

// Holds the io_context, which may otherwise be gone when the last answer is called off.
std::function<void()> Connection::Waker() {
  return [weak = weak_from_this(), io = around_.io] {
    if (auto self = weak.lock()) {
      asio::post(*io, [self = std::move(self)] { self->reply_event_.Set(); });
    }
  };
}

/// Until the reply is known. False: the client has left before.
asio::awaitable<bool> Connection::Await(Reply& reply) {
  while (reply.later) {
    reply.later->WhenReady(Waker());
    std::optional<Reply> known = reply.later->Take();
    while (!known) {
      if (ended_ && input_.empty()) co_return false;
      co_await reply_event_.Wait();
      known = reply.later->Take();
    }
    reply = std::move(*known);
  }
  co_return true;
}

asio::awaitable<void> Connection::Send(Reply& reply, Message& message, Outcome& outcome) {
  const bool chunked = reply.stream && message.version >= 11;
  message.keep_alive = message.keep_alive && !draining_ && (chunked || !reply.stream);
  std::string bytes = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  bytes.append(ReasonPhrase(reply.status)).append("\r\n");
  if (!reply.content_type.empty()) AddHeader(bytes, "Content-Type", reply.content_type);
  for (const auto& [name, value] : reply.headers) AddHeader(bytes, name, value);
  if (chunked) {
    AddHeader(bytes, "Transfer-Encoding", "chunked");
  } else if (!reply.stream && reply.status != 204 && reply.status != 304) {
    AddHeader(bytes, "Content-Length", std::to_string(reply.body.size()));
  }
  if (!message.keep_alive) {
    AddHeader(bytes, "Connection", "close");
  } else if (message.version < 11) {
    AddHeader(bytes, "Connection", "keep-alive");
  }
  bytes += "\r\n";
  if (!message.head_only && !reply.stream) {
    bytes += reply.body;
    outcome.body_bytes = reply.body.size();
  }
  outcome.complete = co_await Write(bytes);
  if (reply.stream && outcome.complete && !message.head_only) {
    outcome.complete = co_await SendStream(*reply.stream, chunked, outcome);
  }
}

asio::awaitable<bool> Connection::SendStream(BodySource& stream, bool chunked, Outcome& outcome) {
  stream.WhenReady(Waker());
  std::string bytes;
  for (;;) {
    bytes = chunked ? kChunkHead : std::string_view();
    const size_t head = bytes.size();
    const BodySource::State state = stream.Take(bytes);
    if (std::exchange(silent_, false) && bytes.size() == head) bytes += stream.Heartbeat();
    const size_t size = bytes.size() - head;
    if (size == 0) {
      bytes.clear();
    } else if (chunked) {
      FillChunkSize(bytes);
      bytes += "\r\n";
    }
    if (state == BodySource::State::kEnd && chunked) bytes += kLastChunk;
    if (!bytes.empty()) {
      const bool sent = co_await Write(bytes);
      if (!sent) co_return false;
      outcome.body_bytes += size;
      written_ = Clock::now();
    }
    if (state != BodySource::State::kMore) {
      written_ = Clock::time_point::max();
      co_return state == BodySource::State::kEnd;
    }
    if (size > 0) continue;
    if (ended_ && input_.empty()) co_return false;
    co_await reply_event_.Wait();
  }
}

asio::awaitable<bool> Connection::Write(std::string_view bytes) {
  Allow(around_.limits.write);
  const bool sent = co_await transport_->Write(bytes);
  AllowForever();
  co_return sent;
}

// What a client sends after the last reply is read and dropped: closing at once would make its
// machine throw away the reply.
asio::awaitable<void> Connection::Leave() {
  Allow(around_.limits.linger);
  if (!ended_) co_await transport_->Finish();
  while (!ended_) {
    input_.clear();
    space_event_.Set();
    co_await input_event_.Wait();
  }
}

}  // namespace hyprstream::server
