// What a streamed token costs in calls of operator new on its way from the engine to the socket.
// The engine's share is none (tests/engine/allocation_test.cc), so all of it is the transport's.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/http_server.h"
#include "server/http/site.h"
#include "support/counted_new.h"
#include "support/data.h"

namespace hyprstream::server {
namespace {

constexpr int kWarm = 300;
constexpr int kCounted = 400;

ServedModel Willowbrook(const std::filesystem::path& home) {
  engine::Compute compute(2);
  ServedModel served;
  served.loaded = engine::OpenModel(testing::SourcePath("models/willowbrook"), compute,
                                    engine::TokenizerNeed::kRequired, {});
  served.name = "willowbrook";
  served.adapters = std::make_unique<engine::ServingAdapters>(
      served.loaded.model, engine::ServingAdapters::Options{.home = home});
  served.engine = engine::Engine::Create(served.loaded.model, served.loaded.tokenizer,
                                         {.threads = 2, .context = 2048});
  served.learner = std::make_unique<engine::Learner>(
      engine::PartsOf(served.loaded, *served.engine, home), engine::LearnerOptions{});
  return served;
}

std::vector<ServedModel> Models(const std::filesystem::path& home) {
  std::vector<ServedModel> models;
  models.push_back(Willowbrook(home));
  return models;
}

/// Reads a stream into memory of its own, so that nothing is counted but the server.
class Client {
 public:
  Client(uint16_t port, std::string_view path, std::string_view body)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string request =
        "POST " + std::string(path) +
        " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + std::string(body);
    EXPECT_EQ(::send(socket_, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
  }
  ~Client() { ::close(socket_); }

  /// False: the stream has ended before.
  bool ReadEvents(int64_t count) {
    while (count > 0) {
      const ssize_t size = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (size <= 0) return false;
      for (const char c : std::string_view(buffer_.data(), static_cast<size_t>(size))) {
        count -= c == '\n' && last_ == '\n' ? 1 : 0;  // the empty line after an event
        last_ = c;
      }
    }
    return true;
  }

 private:
  const int socket_;
  std::array<char, 1024> buffer_{};
  char last_ = 0;
};

class StreamAllocations : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(StreamAllocations, AreFewForAToken) {
  const std::filesystem::path home =
      std::filesystem::temp_directory_path() / ("hyprstream_streams_" + std::to_string(getpid()));
  {
    AdapterDesk desk(home);
    FileDesk files(home);
    JobDesk jobs(home);
    Service service(Models(home));
    SideWork side_work;
    QuotaLedger quotas{{}};  // nothing is limited
    App app{.service = service,
            .limits = {},
            .program_version = "test",
            .side_work = side_work,
            .desk = desk,
            .files = files,
            .jobs = jobs,
            .quotas = quotas};
    Site site(app, {});
    HttpServer server({.port = 0}, site);
    server.Start();
    const auto [path, body] = GetParam();
    Client client(server.port(), path, body);
    ASSERT_TRUE(client.ReadEvents(kWarm));
    const int64_t before = testing::Allocations();
    ASSERT_TRUE(client.ReadEvents(kCounted));
    const double each = static_cast<double>(testing::Allocations() - before) / kCounted;
    RecordProperty("allocations_per_token", std::to_string(each));
    EXPECT_LE(each, 3.0);
    std::printf("%s: %.2f allocations for each token\n", path, each);
  }
  std::filesystem::remove_all(home);
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, StreamAllocations,
    ::testing::Values(
        std::pair("/v1/chat/completions",
                  R"({"model":"willowbrook","stream":true,"max_tokens":1500,"ignore_eos":true,)"
                  R"("messages":[{"role":"user","content":"Tell me a story."}]})"),
        std::pair("/v1/completions",
                  R"({"model":"willowbrook","stream":true,"max_tokens":1500,"ignore_eos":true,)"
                  R"("prompt":"Once upon a time"})")));

}  // namespace
}  // namespace hyprstream::server
