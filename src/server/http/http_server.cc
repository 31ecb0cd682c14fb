#include "server/http/http_server.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "base/error.h"
#include "base/log.h"
#include "server/http/connection.h"
#include "server/http/tls_context.h"

namespace hyprstream::server {
namespace {

using tcp = asio::ip::tcp;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kSweep{1};
constexpr std::chrono::milliseconds kBreath{100};  // when no connection can be accepted

std::vector<tcp::endpoint> Resolve(const std::string& host, uint16_t port) {
  asio::io_context io;
  boost::system::error_code error;
  const auto results = tcp::resolver(io).resolve(
      host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || results.empty()) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "the host has no address to listen on",
                                              .found = host + ": " + error.message(),
                                              .where = "--host"});
  }
  std::vector<tcp::endpoint> endpoints;
  for (const auto& result : results) endpoints.push_back(result.endpoint());
  return endpoints;
}

std::string TextOf(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return host + ":" + std::to_string(endpoint.port());
}

/// A thread with its connections; only it touches them.
class IoThread {
 public:
  IoThread() : sweep_(*io) {}

  void Start() {
    asio::co_spawn(*io, Sweep(), asio::detached);
    thread_ = std::thread([this] { io->run(); });
  }
  void Stop() {
    asio::post(*io, [this] {
      ending = stopped_ = true;
      sweep_.cancel();
      for (Connection* connection : connections) connection->Close();
    });
  }
  /// Ends when nothing is left to do.
  void Join() {
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }

  const std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
  std::unordered_set<Connection*> connections;
  bool ending = false;  // no new ones

 private:
  asio::awaitable<void> Sweep() {
    while (!stopped_) {
      sweep_.expires_after(kSweep);
      (void)co_await sweep_.async_wait(kAwait);
      const auto now = Connection::Clock::now();
      for (Connection* connection : connections) connection->Sweep(now);
    }
  }

  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_ =
      asio::make_work_guard(*io);
  asio::steady_timer sweep_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& asked, RequestHandler& handling)
      : options(asked), handler(handling), workers(static_cast<size_t>(asked.workers)) {}

  void Bind();
  tcp::acceptor Listen(const tcp::endpoint& endpoint);
  asio::awaitable<void> Accept(tcp::acceptor& acceptor);
  void Begin(tcp::socket socket, IoThread& thread);
  void Forget(IoThread& thread, Connection* connection);
  void CountOneLess();
  IoThread& NextThread() { return *threads[next_thread++ % threads.size()]; }

  const HttpOptions options;
  RequestHandler& handler;
  const ConnectionLimits limits;
  std::optional<asio::ssl::context> tls;
  std::atomic<int64_t> count{0};  // accepted connections that are not gone
  std::mutex mutex;
  std::condition_variable fewer;  // count has sunk
  std::vector<std::unique_ptr<IoThread>> threads;
  std::vector<tcp::acceptor> acceptors;  // of the first thread
  asio::thread_pool workers;
  size_t next_thread = 0;
  bool started = false;
};

void HttpServer::Impl::Bind() {
  uint16_t port = options.port;
  for (tcp::endpoint endpoint : Resolve(options.host, port)) {
    endpoint.port(port);
    acceptors.push_back(Listen(endpoint));
    port = acceptors.back().local_endpoint().port();
  }
}

tcp::acceptor HttpServer::Impl::Listen(const tcp::endpoint& endpoint) {
  try {
    tcp::acceptor acceptor(*threads.front()->io);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(4096);
    return acceptor;
  } catch (const boost::system::system_error& error) {
    const bool taken = error.code() == asio::error::address_in_use;
    throw Error(taken ? ErrorCode::kUnavailable : ErrorCode::kIo,
                {.message = "cannot listen",
                 .found = error.code().message(),
                 .where = TextOf(endpoint),
                 .hint = taken ? "another program listens there; choose another --port" : ""});
  }
}

asio::awaitable<void> HttpServer::Impl::Accept(tcp::acceptor& acceptor) {
  asio::steady_timer breath(acceptor.get_executor());
  while (acceptor.is_open()) {
    if (count >= options.max_connections) {
      breath.expires_after(kBreath);
      (void)co_await breath.async_wait(kAwait);
      continue;
    }
    IoThread& thread = NextThread();
    auto [error, socket] = co_await acceptor.async_accept(*thread.io, kAwait);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      LogWarning("cannot accept a connection: " + error.message());
      breath.expires_after(kBreath);
      (void)co_await breath.async_wait(kAwait);
      continue;
    }
    ++count;
    asio::post(*thread.io, [this, &thread, socket = std::move(socket)]() mutable {
      Begin(std::move(socket), thread);
    });
  }
}

void HttpServer::Impl::Begin(tcp::socket socket, IoThread& thread) {
  if (thread.ending) {
    CountOneLess();
    return;
  }
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const tcp::endpoint remote = socket.remote_endpoint(ignored);
  auto transport = tls ? TlsTransport(std::move(socket), *tls) : PlainTransport(std::move(socket));
  const auto connection = std::make_shared<Connection>(
      std::move(transport), remote.address().to_string(),
      Connection::Surroundings{
          .io = thread.io,
          .workers = workers,
          .handler = handler,
          .limits = limits,
          .gone = [this, &thread](Connection* gone) { Forget(thread, gone); }});
  thread.connections.insert(connection.get());
  connection->Start();
}

void HttpServer::Impl::Forget(IoThread& thread, Connection* connection) {
  thread.connections.erase(connection);
  CountOneLess();
}

void HttpServer::Impl::CountOneLess() {
  {
    const std::lock_guard lock(mutex);
    --count;
  }
  fewer.notify_all();
}

HttpServer::HttpServer(const HttpOptions& options, RequestHandler& handler)
    : impl_(std::make_unique<Impl>(options, handler)) {
  if (options.tls.enabled()) impl_->tls.emplace(MakeTlsContext(options.tls));
  for (int i = 0; i < options.io_threads; ++i) {
    impl_->threads.push_back(std::make_unique<IoThread>());
  }
  impl_->Bind();
}

HttpServer::~HttpServer() {
  if (impl_->started) {
    Drain(std::chrono::milliseconds(0));
    for (const auto& thread : impl_->threads) thread->Stop();
    impl_->workers.join();  // what is being handled is answered to nobody
    for (const auto& thread : impl_->threads) thread->Join();
  }
}

uint16_t HttpServer::port() const { return impl_->acceptors.front().local_endpoint().port(); }

std::vector<std::string> HttpServer::addresses() const {
  std::vector<std::string> texts;
  for (const tcp::acceptor& acceptor : impl_->acceptors) {
    texts.push_back(TextOf(acceptor.local_endpoint()));
  }
  return texts;
}

void HttpServer::Start() {
  impl_->started = true;
  asio::io_context& first = *impl_->threads.front()->io;
  for (tcp::acceptor& acceptor : impl_->acceptors) {
    asio::co_spawn(first, impl_->Accept(acceptor), asio::detached);
  }
  for (const auto& thread : impl_->threads) thread->Start();
}

bool HttpServer::Drain(std::chrono::milliseconds patience) {
  asio::post(*impl_->threads.front()->io, [impl = impl_.get()] {
    boost::system::error_code ignored;
    for (tcp::acceptor& acceptor : impl->acceptors) acceptor.close(ignored);
  });
  for (const auto& thread : impl_->threads) {
    asio::post(*thread->io, [thread = thread.get()] {
      thread->ending = true;
      for (Connection* connection : thread->connections) connection->Drain();
    });
  }
  std::unique_lock lock(impl_->mutex);
  return impl_->fewer.wait_for(lock, patience, [this] { return impl_->count == 0; });
}

int64_t HttpServer::connections() const { return impl_->count; }

bool IsLoopback(const std::string& host) {
  for (const tcp::endpoint& endpoint : Resolve(host, 0)) {
    if (!endpoint.address().is_loopback()) return false;
  }
  return true;
}

}  // namespace hyprstream::server
