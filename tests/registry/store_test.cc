#include "registry/store.h"

#include <sys/stat.h>

#include <thread>

#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::CodeOf;
using testing::KeepText;
using testing::KeyOf;
using testing::PublishTexts;
using testing::RecordOf;
using testing::Sha256Of;
using testing::StoreFolder;
using testing::Texts;
using testing::TextsIn;

uint64_t InodeOf(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

const Texts kTexts = {{"config.json", "{}"}, {"sub/weights.bin", "0123456789"}};

TEST(Store, APublishedModelIsAFolderAndARecord) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), kTexts);
  EXPECT_EQ(TextsIn(where.models() / "hf/org/m/r1"), kTexts);
  EXPECT_EQ(store.FolderOf(KeyOf("m")), where.models() / "hf/org/m/r1");
  const std::vector<ModelRecord> models = where.Open().List();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].key, KeyOf("m"));
  EXPECT_EQ(models[0].source_url, "https://hub.example/m");
  EXPECT_EQ(models[0].size(), 12u);
  EXPECT_EQ(models[0].files, (std::vector<FileRecord>{RecordOf("config.json", "{}"),
                                                      RecordOf("sub/weights.bin", "0123456789")}));
  EXPECT_EQ(models[0].created.size(), std::string("2025-01-01T00:00:00.000Z").size());
}

TEST(Store, NothingIsMadeByLookingForAStore) {
  const StoreFolder where;
  EXPECT_FALSE(Store::OpenExisting(where.paths).has_value());
  EXPECT_FALSE(std::filesystem::exists(where.paths.data_home));
  where.Open();
  EXPECT_TRUE(Store::OpenExisting(where.paths).has_value());
}

TEST(Store, ContentIsStoredOnceAndReadOnly) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("a"), {{"x", "same"}, {"y", "same"}});
  PublishTexts(store, KeyOf("b"), {{"z", "same"}});
  const auto content = store.ContentPath(Sha256Of("same"));
  EXPECT_EQ(InodeOf(where.models() / "hf/org/a/r1/x"), InodeOf(content));
  EXPECT_EQ(InodeOf(where.models() / "hf/org/b/r1/z"), InodeOf(content));
  struct stat status {};
  ASSERT_EQ(::stat(content.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0444u);
  const StoreUsage usage = store.Usage();
  EXPECT_EQ(usage.models, 2u);
  EXPECT_EQ(usage.files, 3u);
  EXPECT_EQ(usage.file_bytes, 12u);
  EXPECT_EQ(usage.content_bytes, 4u);
}

TEST(Store, RemovingFreesWhatNoOtherModelHas) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("a"), {{"x", "shared"}, {"y", "mine"}});
  PublishTexts(store, KeyOf("b"), {{"x", "shared"}});
  const RemovedModel removed = store.Remove(KeyOf("a"));
  EXPECT_EQ(removed.bytes_freed, 4u);
  EXPECT_EQ(removed.bytes_shared, 6u);
  EXPECT_EQ(removed.bytes_busy, 0u);
  EXPECT_FALSE(std::filesystem::exists(where.models() / "hf/org/a"));
  EXPECT_EQ(TextsIn(where.models() / "hf/org/b/r1"), (Texts{{"x", "shared"}}));
  EXPECT_FALSE(store.HasContent(Sha256Of("mine")));
  EXPECT_TRUE(store.HasContent(Sha256Of("shared")));
  EXPECT_EQ(store.Remove(KeyOf("b")).bytes_freed, 6u);
  EXPECT_TRUE(store.List().empty());
  EXPECT_FALSE(std::filesystem::exists(where.models() / "hf"));
  EXPECT_EQ(CodeOf([&] { store.Remove(KeyOf("b")); }), ErrorCode::kNotFound);
}

TEST(Store, FilesAreAddedToARevisionOrReplaceIt) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), {{"q4.gguf", "four"}, {"readme", "old"}});
  PublishTexts(store, KeyOf("m"), {{"q8.gguf", "eight"}, {"readme", "new"}});
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))),
            (Texts{{"q4.gguf", "four"}, {"q8.gguf", "eight"}, {"readme", "new"}}));
  PublishTexts(store, KeyOf("m"), {{"model.gguf", "eight"}}, Existing::kReplace);
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))), (Texts{{"model.gguf", "eight"}}));
  EXPECT_EQ(store.List().size(), 1u);
  EXPECT_FALSE(store.HasContent(Sha256Of("four"))) << "in no model any more";
}

TEST(Store, RefsLeadToRevisions) {
  const StoreFolder where;
  Store store = where.Open();
  const std::string first(40, 'a');
  const std::string second(40, 'b');
  PublishTexts(store, KeyOf("m", first), {{"x", "1"}});
  store.SetRef(KeyOf("m", first), "main");
  PublishTexts(store, KeyOf("m", second), {{"x", "2"}});
  const auto revision = [&](std::string_view wanted) {
    const auto found = store.Find("hf", "org", "m", wanted);
    return found ? found->key.revision : "none";
  };
  EXPECT_EQ(revision("main"), first);
  EXPECT_EQ(revision(""), first) << "main before what is newer";
  EXPECT_EQ(revision(second), second);
  EXPECT_EQ(revision("bbbbbbb"), second);
  EXPECT_EQ(revision("bbbb"), "none") << "too short to be a commit";
  EXPECT_EQ(revision("dev"), "none");
  store.SetRef(KeyOf("m", second), "main");
  EXPECT_EQ(revision("main"), second);
  EXPECT_EQ(store.Find("hf", "org", "m", "main")->refs, std::vector<std::string>{"main"});
  store.Remove(KeyOf("m", second));
  EXPECT_EQ(revision(""), first) << "the newest when nothing is called main";
  EXPECT_EQ(CodeOf([&] { store.SetRef(KeyOf("m", second), "main"); }), ErrorCode::kNotFound);
}

TEST(Store, WithoutItsContentAModelIsNotPublished) {
  const StoreFolder where;
  Store store = where.Open();
  KeepText(store, "here");
  const std::vector<FileRecord> absent = {RecordOf("a", "here"), RecordOf("b", "not here")};
  EXPECT_EQ(CodeOf([&] { store.Publish(KeyOf("m"), absent, ""); }), ErrorCode::kFailedPrecondition);
  FileRecord longer = RecordOf("a", "here");
  longer.size = 5;
  EXPECT_EQ(CodeOf([&] { store.Publish(KeyOf("m"), std::vector{longer}, ""); }),
            ErrorCode::kFailedPrecondition);
  const std::vector<FileRecord> twice = {RecordOf("a", "here"), RecordOf("a", "here")};
  EXPECT_EQ(CodeOf([&] { store.Publish(KeyOf("m"), twice, ""); }), ErrorCode::kInvalidArgument);
  const std::vector<FileRecord> clash = {RecordOf("a", "here"), RecordOf("a/b", "here")};
  EXPECT_EQ(CodeOf([&] { store.Publish(KeyOf("m"), clash, ""); }), ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(where.models() / "hf"));
  EXPECT_TRUE(store.List().empty());
}

TEST(Store, ReplacedContentReachesEveryModelThatHasIt) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("a"), {{"x", "content"}});
  PublishTexts(store, KeyOf("b"), {{"y", "content"}});
  const auto path = store.ContentPath(Sha256Of("content"));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  std::ofstream(path) << "damaged";
  EXPECT_TRUE(store.HasContent(Sha256Of("content")));
  EXPECT_FALSE(store.IsIntact(Sha256Of("content"), 7));
  PublishTexts(store, KeyOf("a"), {{"x", "content"}});
  EXPECT_TRUE(store.IsIntact(Sha256Of("content"), 7));
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("a"))), (Texts{{"x", "content"}}));
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("b"))), (Texts{{"y", "content"}}));
}

TEST(Store, PublishingAgainRestoresADeletedFile) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), kTexts);
  std::filesystem::remove_all(store.FolderOf(KeyOf("m")) / "sub");
  store.Publish(KeyOf("m"), store.List().front().files, "again");
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))), kTexts);
}

TEST(Store, TheCacheMayBeOnAnotherFileSystem) {
  StoreFolder where;
  const testing::Folder elsewhere;  // on the disk, while the store is in memory where it can be
  where.paths.cache_home = elsewhere.path();
  Store store = where.Open();
  const std::string large(3'000'000, 'x');
  PublishTexts(store, KeyOf("m"), {{"large", large}, {"empty", ""}});
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))), (Texts{{"large", large}, {"empty", ""}}));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere / "partial"));
  EXPECT_TRUE(store.IsIntact(Sha256Of(large), large.size()));
}

TEST(Store, ContentIsFoundByTheNameItWasFetchedUnder) {
  const StoreFolder where;
  Store store = where.Open();
  const std::string git(40, '1');
  PartialFile partial = store.OpenPartial(git);
  ASSERT_EQ(::write(partial.descriptor(), "abc", 3), 3);
  EXPECT_EQ(store.FindContent(git), std::nullopt);
  store.Keep(std::move(partial), Sha256Of("abc"));
  EXPECT_EQ(store.FindContent(git), Sha256Of("abc"));
  EXPECT_EQ(store.FindContent(Sha256Of("abc")), Sha256Of("abc"));
  EXPECT_EQ(store.Usage().partial.files, 0u);
}

TEST(Store, CleanupTakesWhatBelongsToNobody) {
  const StoreFolder where;
  Store store = where.Open();
  PublishTexts(store, KeyOf("m"), {{"x", "kept"}});
  KeepText(store, "unused");
  const std::string left = Sha256Of("left");
  {
    PartialFile partial = store.OpenPartial(left);
    ASSERT_EQ(::write(partial.descriptor(), "le", 2), 2);
    std::ofstream(partial.state_path()) << "parts";
  }
  const PartialFile busy = store.OpenPartial(Sha256Of("busy"));
  EXPECT_EQ(store.Usage().unused_bytes, 6u);
  EXPECT_EQ(store.Usage().partial.bytes, 2u);
  const CleanupResult result = store.Cleanup();
  EXPECT_EQ(result.contents, 1u);
  EXPECT_EQ(result.content_bytes, 6u);
  EXPECT_EQ(result.partial.files, 1u);
  EXPECT_EQ(result.partial.bytes, 2u);
  EXPECT_FALSE(result.contents_busy);
  EXPECT_TRUE(std::filesystem::exists(busy.path()));
  EXPECT_FALSE(std::filesystem::exists(where.paths.cache_home / "partial" / (left + ".state")));
  EXPECT_EQ(TextsIn(store.FolderOf(KeyOf("m"))), (Texts{{"x", "kept"}}));
  EXPECT_EQ(store.Usage().content_bytes, 4u);
}

TEST(Store, WhatAnotherProcessIsFetchingStays) {
  const StoreFolder where;
  Store fetching = where.Open();
  KeepText(fetching, "unpublished");
  Store other = where.Open();
  EXPECT_TRUE(other.Cleanup().contents_busy);
  EXPECT_TRUE(fetching.HasContent(Sha256Of("unpublished")));
  PublishTexts(other, KeyOf("m"), {{"x", "mine"}});
  EXPECT_EQ(other.Remove(KeyOf("m")).bytes_busy, 4u);
  { const Store done = std::move(fetching); }
  EXPECT_EQ(other.Cleanup().contents, 2u);
}

TEST(Store, StoresSideBySideDoNotLoseEachOthersModels) {
  const StoreFolder where;
  where.Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&where, t] {
      Store store = where.Open();
      for (int i = 0; i < 5; ++i) {
        const std::string name = "m" + std::to_string(t) + "-" + std::to_string(i);
        PublishTexts(store, KeyOf(name), {{"own", name}, {"shared", "by all"}});
        if (i % 2 == 1) store.Remove(KeyOf(name));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Store store = where.Open();
  EXPECT_EQ(store.List().size(), 12u);
  for (const ModelRecord& model : store.List()) {
    EXPECT_EQ(TextsIn(store.FolderOf(model.key)),
              (Texts{{"own", model.key.name}, {"shared", "by all"}}));
  }
}

}  // namespace
}  // namespace hyprstream::registry
