#include "server/api_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace hyprstream::server {
namespace {

namespace fs = std::filesystem;

class ApiKeysTest : public ::testing::Test {
 protected:
  ~ApiKeysTest() override { fs::remove(file_); }

  ApiKeys Load(const std::string& text, fs::perms mode = fs::perms(0600)) {
    std::ofstream(file_) << text;
    fs::permissions(file_, mode);
    return ApiKeys::Load(file_);
  }

  const fs::path file_ =
      fs::temp_directory_path() / ("hyprstream_keys_test_" + std::to_string(getpid()));
};

TEST_F(ApiKeysTest, KnowsPlainAndHashedKeysWithTheirRoles) {
  const std::string word = "open sesame";
  const ApiKeys keys =
      Load("# keys\n\nplain-key\nteach other-key name=tom\nuse sha256:" +
           Sha256Hex(std::as_bytes(std::span(std::string_view("third-key")))) + "\n");
  EXPECT_EQ(keys.size(), 3u);
  ASSERT_NE(keys.Find("plain-key"), nullptr);
  EXPECT_EQ(keys.Find("plain-key")->role, Access::kAdmin);
  EXPECT_EQ(keys.Find("other-key")->role, Access::kTeach);
  EXPECT_EQ(keys.Find("other-key")->name, "tom");
  EXPECT_EQ(keys.Find("third-key")->role, Access::kUse);
  for (const char* wrong : {"", "plain-ke", "plain-key ", "use", "# keys"}) {
    EXPECT_EQ(keys.Find(wrong), nullptr) << wrong;
  }
}

TEST_F(ApiKeysTest, RefusesAFileThatOthersCanRead) {
  EXPECT_THROW(Load("k", fs::perms(0640)), Error);
  EXPECT_THROW(Load("k", fs::perms(0604)), Error);
}

TEST_F(ApiKeysTest, RefusesDamagedLinesWithoutShowingThem) {
  for (const std::string text : {"", "# nothing", "use", "secret-a secret-b", "sha256:12"}) {
    try {
      Load(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

TEST_F(ApiKeysTest, ReadsLimitsThatKeysOfOneNameShare) {
  const ApiKeys keys = Load(
      "key-a use name=tom rpm=60 tpm=20k\nteach parallel=2 key-b\nkey-c name=ann\n"
      "tpm=20k key-d name=tom rpm=60\n");
  const auto limits = keys.Limits();
  ASSERT_EQ(limits.size(), 2u) << "ann has none";
  EXPECT_EQ(limits.at("tom"), keys.Find("key-d")->limits);
  EXPECT_EQ(limits.at("key2"), keys.Find("key-b")->limits);
}

TEST_F(ApiKeysTest, NamesTheLineOfAWrongLimit) {
  for (const std::string text :
       {"\nsecret-a rpm=many", "\nsecret-a rpm=1 rpm=1", "\nsecret-a rmp=1",
        "secret-a name=tom rpm=1\nsecret-b name=tom rpm=2",
        "secret-a name=tom rpm=1\nsecret-b name=tom"}) {
    try {
      Load(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.detail().where, "line 2") << text;
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace hyprstream::server
