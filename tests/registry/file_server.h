// A server of one file on loopback, a thread for each connection: enough of HTTP for a downloader
// that asks for parts of it. For tests of what happens between threads.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"

namespace hyprstream::testing {

class FileServer {
 public:
  explicit FileServer(std::string content) : content_(std::move(content)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    HYPR_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    HYPR_CHECK(::listen(listener_, 64) == 0);
    HYPR_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~FileServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int connection : connections_) ::close(connection);
  }
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/file"; }
  size_t requests() const { return requests_; }

  /// So many of the next bodies break off after half of their bytes.
  std::atomic<int> cuts{0};
  /// Addresses that end in this are refused as expired.
  std::string expired;
  /// Ranges are ignored.
  std::atomic<bool> whole{false};

 private:
  void Accept() {
    while (true) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      const std::lock_guard lock(mutex_);
      connections_.push_back(connection);
      threads_.emplace_back([this, connection] { Serve(connection); });
    }
  }

  void Serve(int connection) {
    std::string buffer;
    while (true) {
      size_t end = 0;
      while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
        char piece[4096];
        const ssize_t count = ::recv(connection, piece, sizeof(piece), 0);
        if (count <= 0) return;
        buffer.append(piece, static_cast<size_t>(count));
      }
      const std::string head = buffer.substr(0, end);
      buffer.erase(0, end + 4);
      if (!Answer(connection, head)) {
        ::shutdown(connection, SHUT_RDWR);
        return;
      }
    }
  }

  static bool TakeOne(std::atomic<int>& count) {
    int left = count;
    while (left > 0 && !count.compare_exchange_weak(left, left - 1)) continue;
    return left > 0;
  }

  bool Answer(int connection, const std::string& head) {
    ++requests_;
    if (!expired.empty() && head.find(expired + " HTTP/") != std::string::npos) {
      return Send(connection, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    }
    size_t begin = 0, end = content_.size();
    const size_t range = head.find("Range: bytes=");
    const bool part = range != std::string::npos && !whole;
    if (part) {
      const char* at = head.data() + range + 13;
      const auto [dash, failed] = std::from_chars(at, head.data() + head.size(), begin);
      size_t last = end - 1;
      std::from_chars(dash + 1, head.data() + head.size(), last);
      end = std::min(end, last + 1);
    }
    std::string answer = part ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n";
    if (part) {
      answer += "Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) +
                "/" + std::to_string(content_.size()) + "\r\n";
    }
    answer += "Content-Length: " + std::to_string(end - begin) + "\r\n\r\n";
    const std::string_view body = std::string_view(content_).substr(begin, end - begin);
    const bool cut = TakeOne(cuts);
    return Send(connection, answer) &&
           Send(connection, cut ? body.substr(0, body.size() / 2) : body) && !cut;
  }

  static bool Send(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  const std::string content_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<size_t> requests_{0};
  std::thread acceptor_;
  std::mutex mutex_;
  std::vector<int> connections_;      // mutex_
  std::vector<std::thread> threads_;  // the acceptor's until it is joined
};

}  // namespace hyprstream::testing
