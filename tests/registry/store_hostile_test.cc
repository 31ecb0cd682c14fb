// Names that a hub or another user of the machine made up touch nothing outside the store.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "registry/store.h"
#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::CodeOf;
using testing::KeepText;
using testing::KeyOf;
using testing::PublishTexts;
using testing::Read;
using testing::RecordOf;
using testing::StoreFolder;
using testing::Texts;
using testing::TextsIn;

namespace fs = std::filesystem;

// A folder beside the store that must stay as it is.
struct Victim {
  explicit Victim(const StoreFolder& where) : folder(where.folder / "victim") {
    fs::create_directories(folder);
    std::ofstream(folder / "file") << "precious";
  }
  void ExpectUntouched() const { EXPECT_EQ(TextsIn(folder), (Texts{{"file", "precious"}})); }
  fs::path folder;
};

TEST(HostileStore, FileNamesThatClimbAreRefusedBeforeAnythingIsMade) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  KeepText(store, "evil");
  for (const char* path : {"../../../../../victim/file", "/etc/x", "a/../../b", "..", "a\nb"}) {
    const std::vector<FileRecord> files = {RecordOf(path, "evil")};
    EXPECT_EQ(CodeOf([&] { store.Publish(KeyOf("m"), files, ""); }), ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(fs::exists(where.models() / "hf"));
  victim.ExpectUntouched();
}

TEST(HostileStore, KeysThatClimbAreRefused) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  const ModelKey keys[] = {
      {"..", "org", "m", "r"}, {"hf", "..", "m", "r"}, {"hf", "org", "../..", "r"}};
  for (const ModelKey& key : keys) {
    EXPECT_EQ(CodeOf([&] { store.Publish(key, {}, ""); }), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf([&] { store.Remove(key); }), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf([&] { store.FolderOf(key); }), ErrorCode::kInvalidArgument);
  }
  victim.ExpectUntouched();
}

TEST(HostileStore, ALinkOnTheWayIsNotFollowed) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  KeepText(store, "text");
  for (const char* link : {"hf", "hf/org", "hf/org/m"}) {
    fs::create_directories((where.models() / link).parent_path());
    fs::create_directory_symlink(victim.folder, where.models() / link);
    const std::vector<FileRecord> files = {RecordOf("file", "text")};
    EXPECT_EQ(CodeOf([&] { store.Publish(KeyOf("m"), files, ""); }),
              ErrorCode::kFailedPrecondition);
    victim.ExpectUntouched();
    EXPECT_TRUE(store.List().empty());
    EXPECT_TRUE(fs::is_empty(where.models() / ".staging"));
    fs::remove_all(where.models() / "hf");
  }
}

TEST(HostileStore, ALinkInAModelsPlaceIsReplacedNotFollowed) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  fs::create_directories(where.models() / "hf/org/m");
  fs::create_directory_symlink(victim.folder, where.models() / "hf/org/m/r1");
  PublishTexts(store, KeyOf("m"), {{"file", "text"}});
  victim.ExpectUntouched();
  EXPECT_FALSE(fs::is_symlink(where.models() / "hf/org/m/r1"));
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))), (Texts{{"file", "text"}}));
}

TEST(HostileStore, RemovingDoesNotFollowLinksInAModel) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), {{"file", "text"}});
  fs::create_directory_symlink(victim.folder, store.FolderOf(KeyOf("m")) / "link");
  fs::create_directory(store.FolderOf(KeyOf("m")) / "inner");
  fs::create_symlink(victim.folder / "file", store.FolderOf(KeyOf("m")) / "inner/link");
  store.Remove(KeyOf("m"));
  EXPECT_FALSE(fs::exists(where.models() / "hf"));
  victim.ExpectUntouched();
}

TEST(HostileStore, AModelBehindALinkIsForgottenAndWhatIsThereStays) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), {{"file", "text"}});
  fs::create_directories(victim.folder / "m/r1");
  fs::rename(where.models() / "hf/org", where.folder / "moved");
  fs::create_directory_symlink(victim.folder, where.models() / "hf/org");
  EXPECT_EQ(store.Remove(KeyOf("m")).bytes_freed, 4u);
  EXPECT_TRUE(store.List().empty());
  EXPECT_TRUE(fs::is_empty(where.models() / ".staging"));
  EXPECT_TRUE(fs::exists(victim.folder / "m/r1"));
  victim.ExpectUntouched();
}

TEST(HostileStore, ALinkInTheContentFolderIsNoContent) {
  const StoreFolder where;
  const Victim victim(where);
  Store store = where.Open();
  const std::string sha256 = testing::Sha256Of("precious");
  fs::create_symlink(victim.folder / "file", store.ContentPath(sha256));
  EXPECT_FALSE(store.HasContent(sha256));
  KeepText(store, "precious");
  EXPECT_TRUE(store.HasContent(sha256));
  EXPECT_FALSE(fs::is_symlink(store.ContentPath(sha256)));
  victim.ExpectUntouched();
}

RC_GTEST_PROP(HostileStore, WhateverTheNameOnlyTheStoreChanges, ()) {
  static const StoreFolder where;
  static const Victim victim(where);
  static Store store = where.Open();
  KeepText(store, "text");
  const auto piece = rc::gen::element<std::string>("..", "/", "a", ".", "victim", "\\", "\n", "b");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string path;
  for (const std::string& p : pieces) path += p;
  const std::vector<FileRecord> files = {RecordOf(path, "text")};
  try {
    store.Publish(KeyOf("m"), files, "", Existing::kReplace);
    RC_ASSERT(TextsIn(store.FolderOf(KeyOf("m"))) == (Texts{{path, "text"}}));
  } catch (const Error& error) {
    RC_ASSERT(error.code() == ErrorCode::kInvalidArgument);
  }
  RC_ASSERT(Read(victim.folder / "file") == "precious");
  RC_ASSERT(std::distance(fs::directory_iterator(where.folder.path()), {}) == 3);
}

}  // namespace
}  // namespace hyprstream::registry
