// What replaces a GGUF output that was split: all of it, and never a mixture.
#include "convert/gguf_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "convert/converting.h"

namespace hyprstream::convert {
namespace {

using namespace hyprstream::testing;
namespace fs = std::filesystem;

constexpr Bytes kFourShards{3 << 20};
constexpr auto kReplace = NewFolder::Existing::kReplace;

std::set<std::string> NamesIn(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

TEST(GgufSet, WhatReplacesItHasItsOwnFilesOnly) {
  Converting converting;
  const fs::path source = SourcePath("models/willowbrook");
  const auto convert = [&](int mebibytes) {
    const Bytes limit{static_cast<uint64_t>(mebibytes) << 20};
    converting.ToGguf(source, "m", {.shard_limit = limit, .existing = kReplace});
    return NamesIn(converting.folder() / ".");
  };
  WriteAll(converting.folder() / "m-notes.gguf", "mine");
  WriteAll(converting.folder() / "other-00001-of-00003.gguf", "mine");
  EXPECT_EQ(convert(3).size(), 4u + 2u);
  EXPECT_EQ(convert(6).size(), 2u + 2u);
  EXPECT_EQ(convert(0),
            (std::set<std::string>{"m-notes.gguf", "m.gguf", "other-00001-of-00003.gguf"}));
  EXPECT_EQ(convert(6).count("m.gguf"), 0u);
}

TEST(GgufSet, WithoutForceAnEarlierSetStays) {
  Converting converting;
  const fs::path source = SourcePath("models/willowbrook");
  converting.ToGguf(source, "m", {.shard_limit = kFourShards});
  EXPECT_EQ(ErrorOf([&] { converting.ToGguf(source, "m", {.shard_limit = kFourShards}); })->code(),
            ErrorCode::kAlreadyExists);
  converting.ToGguf(converting.folder() / "m-00001-of-00004.gguf", "m");
  EXPECT_EQ(NamesIn(converting.folder() / ".").size(), 5u);
}

TEST(GgufSet, ItsSourceIsNeverReplaced) {
  Converting converting;
  converting.ToGguf(SourcePath("models/willowbrook"), "m", {.shard_limit = kFourShards});
  const fs::path first = converting.folder() / "m-00001-of-00004.gguf";
  EXPECT_EQ(ErrorOf([&] {
              converting.ToGguf(first, "m", {.shard_limit = kFourShards, .existing = kReplace});
            })->code(),
            ErrorCode::kInvalidArgument);
  converting.ToGguf(first, "m", {.existing = kReplace});
  EXPECT_EQ(NamesIn(converting.folder() / ".").size(), 5u);
  EXPECT_NO_THROW(formats::ModelFiles::Open(first));
}

TEST(GgufSet, StoppedAnywhereNoMixtureCanBeOpened) {
  const fs::path source = SourcePath("models/willowbrook");
  for (size_t stopped = 0; stopped < 4; ++stopped) {
    SCOPED_TRACE(stopped);
    Converting converting;
    converting.ToGguf(source, "m", {.target = DType::kF16, .shard_limit = kFourShards});
    converting.ToGguf(source, "new/m", {.target = DType::kBF16, .shard_limit = kFourShards});
    const GgufSet set(converting.folder() / "m.gguf", 4);
    // Shards are moved from the last to the first: this one cannot be.
    fs::remove(converting.folder() / "new" / set.names()[stopped].filename());
    EXPECT_TRUE(ErrorOf([&] { set.MoveShardsFrom(converting.folder() / "new"); }).has_value());
    EXPECT_FALSE(fs::exists(set.names().front()));
    for (const fs::path& name : set.names()) {
      EXPECT_TRUE(ErrorOf([&] { formats::ModelFiles::Open(name); }).has_value()) << name;
    }
    converting.ToGguf(source, "m", {.shard_limit = kFourShards, .existing = kReplace});
    EXPECT_NO_THROW(formats::ModelFiles::Open(set.names().front()));
  }
}

TEST(GgufSet, ShardsHaveTheExtensionThatLoadersLookFor) {
  Converting converting;
  convert::ConvertOptions cut{.shard_limit = kFourShards};
  ThreadPool pool(2);
  ConvertToGguf(*formats::ModelFiles::Open(SourcePath("models/willowbrook")),
                converting.folder() / "bare", pool, cut);
  EXPECT_NO_THROW(formats::ModelFiles::Open(converting.folder() / "bare-00001-of-00004.gguf"));
}

}  // namespace
}  // namespace hyprstream::convert
