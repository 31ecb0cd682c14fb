#include "server/http/transport.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace hyprstream::server {
namespace {

using tcp = asio::ip::tcp;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadSize = size_t{32} << 10;

// One buffer for all connections of a thread, used between two suspensions only: a connection that
// waits holds none.
std::array<char, kReadSize>& ScratchBuffer() {
  static thread_local std::array<char, kReadSize> buffer;
  return buffer;
}

void CloseSocket(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.cancel(ignored);
  socket.close(ignored);
}

class Plain : public Transport {
 public:
  explicit Plain(tcp::socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  asio::awaitable<bool> Handshake() override { co_return true; }

  asio::awaitable<bool> Read(std::string& into) override {
    for (;;) {
      const auto [failed] = co_await socket_.async_wait(tcp::socket::wait_read, kAwait);
      if (failed) co_return false;
      boost::system::error_code error;
      const size_t count = socket_.read_some(asio::buffer(ScratchBuffer()), error);
      if (error == asio::error::would_block) continue;
      if (error || count == 0) co_return false;
      into.append(ScratchBuffer().data(), count);
      co_return true;
    }
  }

  asio::awaitable<bool> Write(std::string_view bytes) override {
    boost::system::error_code error;
    size_t sent = socket_.write_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block) {
      sent = 0;
    } else if (error) {
      co_return false;
    }
    if (sent == bytes.size()) co_return true;
    const auto [failed, rest] =
        co_await asio::async_write(socket_, asio::buffer(bytes.substr(sent)), kAwait);
    co_return !failed;
  }

  asio::awaitable<void> Finish() override {
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }

  void Close() override { CloseSocket(socket_); }

 private:
  tcp::socket socket_;
};

class Tls : public Transport {
 public:
  Tls(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  asio::awaitable<bool> Handshake() override {
    const auto [failed] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    co_return !failed;
  }

  asio::awaitable<bool> Read(std::string& into) override {
    // Filled while suspended, so it cannot be shared.
    std::string bytes(kReadSize / 4, '\0');
    const auto [failed, count] = co_await stream_.async_read_some(asio::buffer(bytes), kAwait);
    if (failed || count == 0) co_return false;
    into.append(bytes, 0, count);
    co_return true;
  }

  asio::awaitable<bool> Write(std::string_view bytes) override {
    const auto [failed, sent] = co_await asio::async_write(stream_, asio::buffer(bytes), kAwait);
    co_return !failed;
  }

  // Sends close_notify and waits for the client's, as long as the connection is let.
  asio::awaitable<void> Finish() override { (void)co_await stream_.async_shutdown(kAwait); }

  void Close() override { CloseSocket(stream_.next_layer()); }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> PlainTransport(tcp::socket socket) {
  return std::make_unique<Plain>(std::move(socket));
}

std::unique_ptr<Transport> TlsTransport(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<Tls>(std::move(socket), context);
}

}  // namespace hyprstream::server
