#include "registry/find_cached.h"

#include <gtest/gtest.h>

#include <fstream>

#include "../base/folder.h"
#include "base/error.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
using hyprstream::testing::Folder;

class FindCachedTest : public ::testing::Test {
 protected:
  /// As Python leaves it: the content in blobs/, a relative link in the snapshot.
  void Put(const std::string& name, const std::string& content) {
    const fs::path blob = repository / "blobs" / std::to_string(++blobs_);
    fs::create_directories(blob.parent_path());
    std::ofstream(blob) << content;
    fs::create_directories((snapshot / name).parent_path());
    fs::create_symlink(fs::relative(blob, (snapshot / name).parent_path()), snapshot / name);
  }
  void PointAt(const std::string& ref) {
    fs::create_directories(repository / "refs");
    std::ofstream(repository / "refs" / ref) << commit;
  }
  std::optional<CachedModel> Find(const std::string& reference) {
    return FindCached(HubCache(folder.path()), ParseReference(reference));
  }

  Folder folder;
  const std::string commit = std::string(40, 'c');
  const fs::path repository = folder / "models--org--name";
  const fs::path snapshot = repository / "snapshots" / commit;

 private:
  int blobs_ = 0;
};

TEST_F(FindCachedTest, AWholeModelIsFoundByBranchAndCommit) {
  EXPECT_FALSE(Find("org/name"));
  PointAt("main");
  Put("config.json", "{}");
  EXPECT_FALSE(Find("org/name")) << "no weights";
  Put("model.safetensors", "weights");
  const auto found = Find("org/name");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, snapshot);
  EXPECT_EQ(found->reference, "hf://org/name@" + commit);
  EXPECT_TRUE(Find("org/name@" + commit));
  EXPECT_FALSE(Find("org/name@v1"));
  EXPECT_FALSE(Find("org/other"));
}

TEST_F(FindCachedTest, AShardThatIsMissingMakesNoModel) {
  PointAt("main");
  Put("config.json", "{}");
  Put("model-00001-of-00002.safetensors", "weights");
  EXPECT_FALSE(Find("org/name"));
  Put("model-00002-of-00002.safetensors", "weights");
  EXPECT_TRUE(Find("org/name"));
}

TEST_F(FindCachedTest, ALinkToNothingOrOutOfTheCacheIsNoFile) {
  PointAt("main");
  Put("config.json", "{}");
  fs::create_symlink("../../blobs/gone", snapshot / "model.safetensors");
  EXPECT_FALSE(Find("org/name"));
  fs::remove(snapshot / "model.safetensors");
  const Folder elsewhere;
  std::ofstream(elsewhere / "file") << "secret";
  fs::create_symlink(elsewhere / "file", snapshot / "model.safetensors");
  EXPECT_FALSE(Find("org/name"));
}

TEST_F(FindCachedTest, AGgufIsChosen) {
  PointAt("main");
  Put("m-Q8_0.gguf", "a");
  EXPECT_EQ(Find("org/name")->path, snapshot / "m-Q8_0.gguf");
  Put("m-Q4_0.gguf", "b");
  EXPECT_EQ(Find("org/name:q4_0")->path, snapshot / "m-Q4_0.gguf");
  EXPECT_FALSE(Find("org/name:Q5_0"));
  EXPECT_THROW(Find("org/name"), Error);
}

}  // namespace
}  // namespace hyprstream::registry
