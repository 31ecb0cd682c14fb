#include "adapters/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/hash.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    home_ = fs::temp_directory_path() / ("hyprstream_store_test_" + std::to_string(getpid()));
    fs::remove_all(home_);
  }
  ~StoreTest() override { fs::remove_all(home_); }

  static AdapterRecord Create(AdapterStore& store, const std::string& name) {
    return store.Create({.name = name,
                         .kind = "sparse",
                         .base_model = "willowbrook",
                         .base_fingerprint = "f00d",
                         .spec = "{}"});
  }
  static VersionRecord Add(AdapterStore& store, const std::string& name, const std::string& content,
                           VersionStatus status = VersionStatus::kPromoted) {
    return store.AddVersion(name, {.status = status}, [&](const fs::path& path) {
      AtomicFile file(path);
      file.Write(content);
      file.Commit();
      return Sha256Hex(std::as_bytes(std::span(content)));
    });
  }
  static std::string ContentOf(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  template <typename Call>
  static ErrorCode CodeOf(Call&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::kIo;
  }

  fs::path home_;
};

TEST_F(StoreTest, WhatOneProcessMakesAnotherSees) {
  AdapterStore one(home_);
  const AdapterRecord made = Create(one, "tone");
  EXPECT_EQ(made.current, 0);
  EXPECT_EQ(made.id.size(), 36u);
  Add(one, "tone", "first");
  AdapterStore other(home_);
  ASSERT_EQ(other.List().size(), 1u);
  EXPECT_EQ(other.Get("tone").current, 1);
  EXPECT_EQ(other.Get(made.id).name, "tone");
  EXPECT_EQ(ContentOf(other.Find("tone", "")->file), "first");
}

TEST_F(StoreTest, NamesAreUniqueAndPlain) {
  AdapterStore store(home_);
  Create(store, "tone");
  EXPECT_EQ(CodeOf([&] { Create(store, "tone"); }), ErrorCode::kAlreadyExists);
  for (const char* name : {"", "../x", "a/b", "a..b", ".a", "a b", "a\n", "\xc3\xa9"}) {
    EXPECT_EQ(CodeOf([&] { Create(store, name); }), ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(CodeOf([&] { store.Get("nothing"); }), ErrorCode::kNotFound);
}

TEST_F(StoreTest, RollsBackAndPromotes) {
  AdapterStore store(home_);
  Create(store, "tone");
  for (const char* content : {"1", "2", "3"}) Add(store, "tone", content);
  Add(store, "tone", "worse", VersionStatus::kRejected);
  EXPECT_EQ(store.Get("tone").current, 3);
  EXPECT_EQ(store.RollBack("tone"), 2);
  EXPECT_EQ(store.RollBack("tone"), 1);
  EXPECT_EQ(store.RollBack("tone"), 0);
  EXPECT_FALSE(store.Find("tone", "current").has_value());
  EXPECT_EQ(CodeOf([&] { store.RollBack("tone"); }), ErrorCode::kFailedPrecondition);
  store.Promote("tone", 4);
  EXPECT_EQ(ContentOf(store.Find("tone", "current")->file), "worse");
  EXPECT_EQ(store.Find("tone", "4")->status, VersionStatus::kPromoted);
  EXPECT_EQ(CodeOf([&] { store.Promote("tone", 9); }), ErrorCode::kNotFound);
}

TEST_F(StoreTest, APinnedVersionStaysCurrent) {
  AdapterStore store(home_);
  Create(store, "tone");
  for (const char* content : {"1", "2"}) Add(store, "tone", content);
  store.Pin("tone", 1);
  EXPECT_TRUE(AdapterStore(home_).Get("tone").pinned);
  EXPECT_EQ(Add(store, "tone", "3").status, VersionStatus::kCandidate);
  EXPECT_EQ(store.Get("tone").current, 1);
  EXPECT_EQ(CodeOf([&] { store.Promote("tone", 2); }), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { store.RollBack("tone"); }), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(store.Get("tone").current, 1);
  store.Pin("tone", 3);
  EXPECT_EQ(store.Get("tone").current, 3);
  EXPECT_EQ(store.Find("tone", "3")->status, VersionStatus::kPromoted);
  store.Unpin("tone");
  EXPECT_EQ(store.RollBack("tone"), 1);
  EXPECT_EQ(Add(store, "tone", "4").status, VersionStatus::kPromoted);
  EXPECT_EQ(CodeOf([&] { store.Pin("tone", 9); }), ErrorCode::kNotFound);
}

TEST_F(StoreTest, AVersionIsOnlyAddedToTheOneItFollows) {
  AdapterStore store(home_);
  Create(store, "tone");
  Add(store, "tone", "1");
  const auto add = [&](int64_t follows, int* along) {
    return store.AddVersion("tone",
                            {.status = VersionStatus::kPromoted,
                             .follows = follows,
                             .along = [&](Database&) { ++*along; }},
                            [&](const fs::path& path) {
                              AtomicFile file(path);
                              file.Write("x");
                              file.Commit();
                              return std::string(64, 'a');
                            });
  };
  int along = 0;
  EXPECT_EQ(CodeOf([&] { add(0, &along); }), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(along, 0);
  EXPECT_EQ(store.Versions("tone").size(), 1u);
  EXPECT_EQ(std::distance(fs::directory_iterator(store.Folder("tone")), {}), 1);
  EXPECT_EQ(add(1, &along).status, VersionStatus::kPromoted);
  EXPECT_EQ(along, 1);
}

// The version and what goes along with it are there together or not at all.
TEST_F(StoreTest, WhatGoesAlongWithAVersionUndoesItWhenItFails) {
  AdapterStore store(home_);
  Create(store, "tone");
  const auto fail = [](Database&) { throw Error(ErrorCode::kIo, {.message = "no"}); };
  EXPECT_EQ(CodeOf([&] {
              store.AddVersion("tone", {.along = fail}, [](const fs::path& path) {
                std::ofstream(path) << "x";
                return std::string(64, 'a');
              });
            }),
            ErrorCode::kIo);
  EXPECT_TRUE(store.Versions("tone").empty());
  EXPECT_EQ(store.Get("tone").current, 0);
}

TEST_F(StoreTest, TagsNameVersions) {
  AdapterStore store(home_);
  Create(store, "tone");
  Add(store, "tone", "1");
  Add(store, "tone", "2");
  store.Tag("tone", "good", 1);
  EXPECT_EQ(store.Find("tone", "good")->version, 1);
  store.Tag("tone", "good", 2);
  EXPECT_EQ(store.Find("tone", "good")->version, 2);
  EXPECT_EQ(CodeOf([&] { store.Tag("tone", "7", 1); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf([&] { store.Tag("tone", "x", 7); }), ErrorCode::kNotFound);
  store.DeleteTag("tone", "good");
  EXPECT_EQ(CodeOf([&] { store.Find("tone", "good"); }), ErrorCode::kNotFound);
}

TEST_F(StoreTest, TrimKeepsTheNewestTheCurrentAndTheTagged) {
  AdapterStore store(home_);
  Create(store, "tone");
  for (int i = 1; i <= 6; ++i) Add(store, "tone", std::to_string(i));
  store.Tag("tone", "first", 1);
  store.Promote("tone", 3);
  store.Promote("tone", 2);
  EXPECT_EQ(store.Trim("tone", 2), 1);  // 3 is what rolling back would go to
  std::vector<int64_t> left;
  for (const VersionRecord& version : store.Versions("tone")) {
    left.push_back(version.version);
    EXPECT_TRUE(fs::exists(version.file));
  }
  EXPECT_EQ(left, (std::vector<int64_t>{1, 2, 3, 5, 6}));
}

TEST_F(StoreTest, DeleteRemovesEverything) {
  AdapterStore store(home_);
  Create(store, "tone");
  Add(store, "tone", "1");
  store.Delete("tone");
  EXPECT_TRUE(store.List().empty());
  EXPECT_FALSE(fs::exists(home_ / "adapters" / "tone"));
  Create(store, "tone");
  EXPECT_TRUE(store.Versions("tone").empty());
}

// A writer is killed at arbitrary moments; whatever the catalogue names afterwards must be whole.
TEST_F(StoreTest, AKilledWriterLeavesCompleteVersionsOnly) {
  {
    AdapterStore store(home_);
    Create(store, "tone");
  }
  const std::string body(100'000, 'x');
  int64_t written = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      AdapterStore store(home_);
      for (int i = 0;; ++i) Add(store, "tone", body + std::to_string(i));
    }
    usleep(static_cast<useconds_t>(20'000 + 3'000 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);

    AdapterStore store(home_);
    const auto versions = store.Versions("tone");
    for (const VersionRecord& version : versions) {
      const std::string content = ContentOf(version.file);
      ASSERT_EQ(Sha256Hex(std::as_bytes(std::span(content))), version.hash);
    }
    const int64_t current = store.Get("tone").current;
    EXPECT_EQ(current, versions.empty() ? 0 : versions.back().version);
    written = static_cast<int64_t>(versions.size());
  }
  EXPECT_GT(written, 0);
}

}  // namespace
}  // namespace hyprstream::adapters
