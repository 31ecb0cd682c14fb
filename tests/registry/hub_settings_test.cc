#include "registry/hub_settings.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "../base/folder.h"
#include "base/error.h"

namespace hyprstream::registry {
namespace {

using hyprstream::testing::Folder;

class HubSettingsTest : public ::testing::Test {
 protected:
  HubSettings Read() {
    return HubSettings::Read(
        [this](const char* name) -> const char* {
          const auto found = variables.find(name);
          return found == variables.end() ? nullptr : found->second.c_str();
        },
        own, "test");
  }
  void Write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  Folder folder;
  std::filesystem::path own = folder / "own-token";
  std::map<std::string, std::string> variables{{"HOME", folder.path().string()}};
};

TEST_F(HubSettingsTest, DefaultsAreThePythonClients) {
  const HubSettings settings = Read();
  EXPECT_EQ(settings.endpoint, "https://huggingface.co");
  EXPECT_EQ(settings.cache, folder / ".cache/huggingface/hub");
  EXPECT_TRUE(settings.token.empty());
  EXPECT_FALSE(settings.offline);
}

TEST_F(HubSettingsTest, TokensComeInOrder) {
  Write(folder / ".cache/huggingface/token", " hf_python \n");
  EXPECT_EQ(Read().token.secret(), "hf_python");
  Write(own, "hf_own\n");
  EXPECT_EQ(Read().token.secret(), "hf_own");
  variables["HUGGING_FACE_HUB_TOKEN"] = "hf_older";
  EXPECT_EQ(Read().token.secret(), "hf_older");
  variables["HF_TOKEN"] = "hf_variable";
  EXPECT_EQ(Read().token.secret(), "hf_variable");
  EXPECT_EQ(Read().token.source(), "HF_TOKEN");
  variables["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "yes";
  EXPECT_TRUE(Read().token.empty());
}

TEST_F(HubSettingsTest, VariablesAreHonoured) {
  variables["HF_ENDPOINT"] = "http://127.0.0.1:9/";
  variables["HF_HOME"] = "~/hf";
  variables["TRANSFORMERS_OFFLINE"] = "True";
  variables["HF_HUB_DOWNLOAD_TIMEOUT"] = "3";
  EXPECT_EQ(Read().endpoint, "http://127.0.0.1:9");
  EXPECT_EQ(Read().cache, folder / "hf/hub");
  EXPECT_TRUE(Read().offline);
  EXPECT_EQ(Read().download_timeout.count(), 3);
  variables["HF_HUB_CACHE"] = "/elsewhere";
  EXPECT_EQ(Read().cache, "/elsewhere");
  variables["HF_ENDPOINT"] = "file:///etc";
  EXPECT_THROW(Read(), Error);
}

TEST_F(HubSettingsTest, AFileIsForItsOwnerAlone) {
  const auto path = folder / "config/token";
  WriteTokenFile(path, Token("hf_abcdefghijklmnop\n", "test"));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(hyprstream::testing::Read(path), "hf_abcdefghijklmnop\n");
  WriteTokenFile(path, Token("hf_another", "test"));
  EXPECT_EQ(hyprstream::testing::Read(path), "hf_another\n");
}

TEST(Token, IsShownMaskedAndNeverQuotedInAnError) {
  EXPECT_EQ(Token("hf_abcdefghijklmnop", "t").masked(), "hf_…mnop");
  EXPECT_EQ(Token("short", "t").masked(), "…");
  try {
    Token("secret\nsecond", "a file");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace hyprstream::registry
