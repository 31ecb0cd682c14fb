#include "cli/bench_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace hyprstream::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPatienceMilliseconds = 60'000;
constexpr std::string_view kData = "data: ";
constexpr std::string_view kEventEnd = "\n\n";

[[noreturn]] void Fail(const char* what) {
  throw Error(
      ErrorCode::kIo,
      {.message = what, .found = std::strerror(errno), .where = "a stream of the benchmark"});
}

class Stream {
 public:
  Stream(uint16_t port, const std::string& body) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (socket_ < 0) Fail("cannot make a socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      Fail("cannot connect");
    }
    request_ = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  ~Stream() { ::close(socket_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void Send() const {
    for (size_t sent = 0; sent < request_.size();) {
      const ssize_t count =
          ::send(socket_, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
      if (count < 0) Fail("cannot send");
      sent += static_cast<size_t>(count);
    }
  }

  /// What has come; the socket is readable.
  void Receive(LoadTimes& times) {
    std::array<char, 16384> buffer;
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (count < 0) Fail("cannot receive");
    unread_.append(buffer.data(), static_cast<size_t>(count));
    if (count == 0 || (!accepted_ && unread_.find("\r\n\r\n") != std::string::npos)) {
      CheckAccepted(count == 0);
    }
    if (accepted_) ReadEvents(times);
  }

  int socket() const { return socket_; }
  bool done() const { return done_; }

 private:
  void CheckAccepted(bool ended) {
    accepted_ = unread_.starts_with("HTTP/1.1 200 ");
    if (!ended && accepted_) return;
    throw Error(ErrorCode::kFailedPrecondition, {.message = "a request was not answered to its end",
                                                 .expected = "a stream that ends with [DONE]",
                                                 .found = unread_.substr(0, 500)});
  }

  // The server writes whole events into chunks, so an event holds nothing of their framing.
  void ReadEvents(LoadTimes& times) {
    size_t begin = unread_.find(kData);
    size_t read = 0;
    while (begin != std::string::npos) {
      const size_t end = unread_.find(kEventEnd, begin);
      if (end == std::string::npos) break;
      begin += kData.size();
      Take(std::string_view(unread_).substr(begin, end - begin), times);
      read = end + kEventEnd.size();
      begin = unread_.find(kData, read);
    }
    unread_.erase(0, read);
  }

  void Take(std::string_view event, LoadTimes& times) {
    if (event == "[DONE]") {
      done_ = true;
    } else if (event.find("\"usage\":{") != std::string_view::npos) {
      times.tokens +=
          boost::json::parse(event).at_pointer("/usage/completion_tokens").to_number<int64_t>();
    } else if (event.find("\"choices\"") == std::string_view::npos) {
      throw Error(ErrorCode::kFailedPrecondition,
                  {.message = "an answer failed", .found = std::string(event)});
    } else if (event.find("\"finish_reason\":null") != std::string_view::npos) {
      const Clock::time_point now = Clock::now();
      if (std::exchange(begun_, true)) {
        times.gaps.push_back(std::chrono::duration<double>(now - last_).count());
      }
      last_ = now;
    }
  }

  const int socket_;
  std::string request_;
  std::string unread_;
  bool accepted_ = false;
  bool begun_ = false;
  bool done_ = false;
  Clock::time_point last_;
};

}  // namespace

LoadTimes AskTogether(uint16_t port, const std::vector<std::string>& bodies) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (const std::string& body : bodies) streams.push_back(std::make_unique<Stream>(port, body));
  LoadTimes times;
  const Clock::time_point begin = Clock::now();
  for (const auto& stream : streams) stream->Send();
  while (!streams.empty()) {
    std::vector<pollfd> awaited;
    for (const auto& stream : streams) awaited.push_back({stream->socket(), POLLIN, 0});
    const int ready = ::poll(awaited.data(), awaited.size(), kPatienceMilliseconds);
    if (ready < 0 && errno != EINTR) Fail("cannot wait");
    if (ready == 0) {
      throw Error(ErrorCode::kUnavailable, {.message = "no token has come for a minute"});
    }
    for (size_t i = 0; ready > 0 && i < awaited.size(); ++i) {
      if (awaited[i].revents != 0) streams[i]->Receive(times);
    }
    std::erase_if(streams, [](const auto& stream) { return stream->done(); });
  }
  times.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return times;
}

}  // namespace hyprstream::cli
