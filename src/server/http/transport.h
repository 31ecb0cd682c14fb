// A connection's bytes, plain or through TLS, behind one interface. For the sources of this folder
// that drive connections; everything runs on the thread of the connection's io_context.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace hyprstream::server {

namespace asio = boost::asio;

class Transport {
 public:
  virtual ~Transport() = default;
  /// False: the client does not speak TLS as required, or went away.
  virtual asio::awaitable<bool> Handshake() = 0;
  /// Waits for bytes and appends them. False: no more will come.
  virtual asio::awaitable<bool> Read(std::string& into) = 0;
  /// False: the client is gone.
  virtual asio::awaitable<bool> Write(std::string_view bytes) = 0;
  /// Says that no more will be written.
  virtual asio::awaitable<void> Finish() = 0;
  /// Ends everything in progress.
  virtual void Close() = 0;
};

std::unique_ptr<Transport> PlainTransport(asio::ip::tcp::socket socket);
/// `context` must outlive the transport.
std::unique_ptr<Transport> TlsTransport(asio::ip::tcp::socket socket, asio::ssl::context& context);

}  // namespace hyprstream::server
