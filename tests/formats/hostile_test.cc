// Every broken file of the fixtures is refused with a message; every positive control loads.
#include "formats/gguf.h"
#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "formats/sharded_index.h"
#include "support.h"

namespace hyprstream {
namespace {

using testing::DataPath;
using testing::ReadAll;

void ExpectOutcome(const std::string& name, std::string_view expect,
                   const std::function<void()>& open) {
  SCOPED_TRACE(name);
  try {
    open();
    EXPECT_NE(expect, "refuse");
  } catch (const Error& error) {
    EXPECT_NE(expect, "load") << error.what();
    EXPECT_GT(std::string_view(error.what()).size(), 20u);
    EXPECT_FALSE(error.detail().where.empty()) << error.what();
  }
}

int ForEach(std::string_view folder, const std::function<void(const std::string&)>& open) {
  int count = 0;
  for (const auto& [key, value] : testing::ReadManifest("fixtures/hostile/manifest.json")) {
    const std::string name(key);
    if (!name.starts_with(folder)) continue;
    ++count;
    const auto& expect = value.at("expect").as_string();
    ExpectOutcome(name, {expect.data(), expect.size()}, [&] { open(name); });
  }
  return count;
}

std::filesystem::path Hostile(const std::string& name) {
  return DataPath("fixtures/hostile/" + name);
}

TEST(HostileSafetensors, AreRefusedAndControlsLoad) {
  EXPECT_GE(ForEach("safetensors/",
                    [](const std::string& name) { formats::SafetensorsFile::Open(Hostile(name)); }),
            41);
}

TEST(HostileGguf, AreRefusedAndControlsLoad) {
  const int count = ForEach("gguf/", [](const std::string& name) {
    if (name.ends_with("architecture_missing.gguf")) {
      formats::ModelFiles::Open(Hostile(name));
    } else {
      formats::GgufFile::Open(Hostile(name));
    }
  });
  EXPECT_GE(count, 45);
}

TEST(HostileGguf, WithoutArchitectureIsStillAContainer) {
  EXPECT_NO_THROW(formats::GgufFile::Open(Hostile("gguf/architecture_missing.gguf")));
}

TEST(HostileIndex, IsRefused) {
  const int count = ForEach("index/", [](const std::string& name) {
    testing::TemporaryFolder folder;
    testing::WriteAll(folder / "config.json", "{}");
    testing::WriteAll(folder / "model.safetensors.index.json", ReadAll(Hostile(name)));
    formats::ModelFiles::Open(folder.path());
  });
  EXPECT_GE(count, 6);
}

TEST(HostileIndex, UnsafeNamesAreRefusedBeforeAnyFileIsOpened) {
  for (const char* name : {"parent", "absolute", "backslash", "wrong_suffix", "number"}) {
    const auto error = testing::ErrorOf([&] {
      formats::ReadShardedIndex(
          ReadAll(Hostile("index/" + std::string(name) + "/model.safetensors.index.json")));
    });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kDataLoss) << error->what();
  }
}

}  // namespace
}  // namespace hyprstream
