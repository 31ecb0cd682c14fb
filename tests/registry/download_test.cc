// A file fetched by several connections at once: what arrives, whatever they meet, is the file.
#include "registry/download.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "../base/folder.h"
#include "base/error.h"
#include "base/hash.h"
#include "file_server.h"

namespace hyprstream::registry {
namespace {

using testing::FileServer;
namespace fs = std::filesystem;

constexpr size_t kSize = (6u << 20) + 1234;
constexpr uint64_t kPart = 256u << 10;

const std::string& Content() {
  static const std::string content = [] {
    std::mt19937_64 random(3);
    std::string bytes(kSize, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
  }();
  return content;
}

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    file_ = {.name = "file", .size = kSize, .sha256 = Hash(Content())};
    options_.part_size = kPart;
    options_.connections = 6;
    options_.retries.first_pause = std::chrono::milliseconds(1);
  }
  static std::string Hash(std::string_view bytes) {
    return Sha256Hex(std::as_bytes(std::span(bytes)));
  }
  Downloaded Fetch(PartialFile& partial) {
    return Download(
        file_,
        [this] { return RemoteAddress{.url = server_.url() + "?" + std::to_string(++located_)}; },
        partial, options_, [this](uint64_t done) { highest_ = std::max(highest_.load(), done); });
  }
  PartialFile Open() { return PartialFile::Open(folder_.path() / "partial", file_.sha256); }
  void ExpectWhole(const PartialFile& partial) {
    std::ifstream stream(partial.path(), std::ios::binary);
    EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(stream), {}) == Content());
  }

  testing::Folder folder_;
  FileServer server_{Content()};
  RemoteFile file_;
  DownloadOptions options_;
  std::atomic<int> located_{0};
  std::atomic<uint64_t> highest_{0};
};

TEST_F(DownloadTest, PartsOfSixConnectionsAreOneFile) {
  PartialFile partial = Open();
  const Downloaded got = Fetch(partial);
  EXPECT_EQ(got.names.sha256, file_.sha256);
  EXPECT_EQ(got.fetched, kSize);
  EXPECT_EQ(highest_, kSize);
  EXPECT_EQ(located_, 1);
  ExpectWhole(partial);
}

TEST_F(DownloadTest, PartsThatAreCutAreContinuedWithoutAByteTwice) {
  server_.cuts = 17;
  PartialFile partial = Open();
  EXPECT_EQ(Fetch(partial).fetched, kSize);
  EXPECT_EQ(server_.cuts, 0);
  ExpectWhole(partial);
}

TEST_F(DownloadTest, AnAddressThatAllFindExpiredIsAskedForOnce) {
  server_.expired = "?1";
  PartialFile partial = Open();
  Fetch(partial);
  EXPECT_EQ(located_, 2);
  ExpectWhole(partial);
}

TEST_F(DownloadTest, AServerWithoutRangesMakesOneConnectionOfSix) {
  server_.whole = true;
  PartialFile partial = Open();
  Fetch(partial);
  ExpectWhole(partial);
}

TEST_F(DownloadTest, StoppedInTheMiddleItGoesOnFromThere) {
  std::stop_source stop;
  options_.http.stop = stop.get_token();
  uint64_t before = 0;
  {
    PartialFile partial = Open();
    try {
      Download(
          file_, [this] { return RemoteAddress{.url = server_.url()}; }, partial, options_,
          [&](uint64_t done) {
            if (done > kSize / 2) stop.request_stop();
          });
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    }
  }
  options_.http.stop = {};
  PartialFile partial = Open();
  before = Fetch(partial).fetched;
  EXPECT_LE(before, kSize / 2);
  ExpectWhole(partial);
}

TEST_F(DownloadTest, AnotherContentLeavesNothing) {
  file_.sha256 = Hash("another");
  PartialFile partial = Open();
  try {
    Fetch(partial);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
  }
  EXPECT_EQ(partial.size(), 0u);
}

TEST_F(DownloadTest, AnErrorOfOneConnectionEndsAll) {
  file_.size = kSize + kPart;  // the last part is not there
  file_.sha256 = Hash("another");
  options_.retries.attempts = 2;
  PartialFile partial = Open();
  EXPECT_THROW(Fetch(partial), Error);
}

TEST_F(DownloadTest, SeveralFilesAtOnceDoNotMeet) {
  std::vector<std::jthread> threads;
  for (const char* name : {"a", "b", "c"}) {
    threads.emplace_back([this, name] {
      PartialFile partial = PartialFile::Open(folder_.path() / name, file_.sha256);
      Download(
          file_, [this] { return RemoteAddress{.url = server_.url()}; }, partial, options_);
      ExpectWhole(partial);
    });
  }
}

}  // namespace
}  // namespace hyprstream::registry
