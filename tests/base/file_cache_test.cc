#include "base/file_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "folder.h"

namespace hyprstream {
namespace {

using testing::Folder;
using testing::Read;

constexpr Bytes kLimit{1 << 20};

std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

void Put(const FileCache& cache, std::string_view name, std::string_view text) {
  const auto writer = cache.Begin(name, {text.size()});
  ASSERT_NE(writer, nullptr);
  writer->Write(AsBytes(text));
  writer->Commit();
}

void SetAge(const std::filesystem::path& path, std::chrono::hours age) {
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age);
}

ErrorCode BeginCode(const FileCache& cache, std::string_view name, Bytes size) {
  try {
    cache.Begin(name, size);
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kUsage;
}

TEST(FileCache, FindsWhatWasCommittedAndNothingElse) {
  Folder folder;
  const FileCache cache(folder / "a/b", kLimit);
  EXPECT_EQ(cache.Find("x"), nullptr);
  Put(cache, "x", "bytes");
  ASSERT_NE(cache.Find("x"), nullptr);
  EXPECT_EQ(Read(folder / "a/b/x"), "bytes");
  {
    const auto dropped = cache.Begin("y", {5});
    dropped->Write(AsBytes("half"));
    EXPECT_EQ(cache.Find("y"), nullptr);
  }
  EXPECT_EQ(cache.Find("y"), nullptr);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "a/b"), {}), 1);
}

TEST(FileCache, ItsFolderIsTheUsersAlone) {
  Folder folder;
  Put(FileCache(folder / "c", kLimit), "x", "bytes");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "c").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(FileCache, ANameHasOneWriterAtATime) {
  Folder folder;
  const FileCache cache(folder.path(), kLimit);
  const auto first = cache.Begin("x", {1});
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(cache.Begin("x", {1}), nullptr);
  EXPECT_NE(cache.Begin("y", {1}), nullptr);
  first->Write(AsBytes("1"));
  first->Commit();
  Put(cache, "x", "2");
  EXPECT_EQ(Read(folder / "x"), "2");
}

TEST(FileCache, AMappingOutlivesReplacementAndEviction) {
  Folder folder;
  const FileCache cache(folder.path(), {8});
  Put(cache, "x", "first");
  const auto old = cache.Find("x");
  Put(cache, "x", "second");
  Put(cache, "y", "12345678");
  EXPECT_EQ(cache.Find("x"), nullptr);
  EXPECT_EQ(std::memcmp(old->bytes().data(), "first", 5), 0);
}

TEST(FileCache, WhatWasNotUsedForLongestGoesFirst) {
  Folder folder;
  const FileCache cache(folder.path(), {12});
  for (const char* name : {"a", "b", "c"}) Put(cache, name, "1234");
  SetAge(folder / "a", std::chrono::hours(3));
  SetAge(folder / "b", std::chrono::hours(2));
  SetAge(folder / "c", std::chrono::hours(1));
  ASSERT_NE(cache.Find("a"), nullptr);  // used now
  Put(cache, "d", "1234");
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
  EXPECT_NE(cache.Find("d"), nullptr);
}

TEST(FileCache, WhatIsTooLargeIsRefusedAndEvictsNothing) {
  Folder folder;
  const FileCache cache(folder.path(), {8});
  Put(cache, "a", "1234");
  EXPECT_EQ(BeginCode(cache, "b", {9}), ErrorCode::kResourceExhausted);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(FileCache, WhatTheDiskCannotHoldIsRefused) {
  Folder folder;
  const FileCache cache(folder.path(), {uint64_t{1} << 62});
  EXPECT_EQ(BeginCode(cache, "a", {uint64_t{1} << 61}), ErrorCode::kResourceExhausted);
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(FileCache, AKilledWriterLeavesNothingUnderTheNameAndItsDebrisIsSwept) {
  Folder folder;
  const FileCache cache(folder.path(), kLimit);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto writer = cache.Begin("x", {8});
    writer->Write(AsBytes("half"));
    [[maybe_unused]] const ssize_t told = ::write(ready[1], "!", 1);
    for (;;) ::pause();
  }
  char told = 0;
  ASSERT_EQ(::read(ready[0], &told, 1), 1);
  EXPECT_EQ(cache.Begin("x", {8}), nullptr);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_EQ(cache.Find("x"), nullptr);
  EXPECT_EQ(folder.entries(), 1u);
  Put(cache, "y", "other");
  EXPECT_EQ(folder.entries(), 1u);
  Put(cache, "x", "whole");
  EXPECT_EQ(Read(folder / "x"), "whole");
}

TEST(FileCache, WritersThatRaceLeaveOneWholeFile) {
  Folder folder;
  const FileCache cache(folder.path(), kLimit);
  std::vector<std::thread> threads;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    threads.emplace_back([&cache, letter] {
      const std::string text(1000, letter);
      for (int i = 0; i < 20; ++i) {
        const auto writer = cache.Begin("x", {text.size()});
        if (writer == nullptr) continue;
        writer->Write(AsBytes(text));
        writer->Commit();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = Read(folder / "x");
  ASSERT_EQ(text.size(), 1000u);
  EXPECT_EQ(text, std::string(1000, text.front()));
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(FileCache, AFolderThatCannotBeMadeIsAnError) {
  Folder folder;
  std::ofstream(folder / "file") << "no folder";
  const FileCache cache(folder / "file/cache", kLimit);
  EXPECT_EQ(cache.Find("x"), nullptr);
  EXPECT_NE(BeginCode(cache, "x", {1}), ErrorCode::kUsage);
}

}  // namespace
}  // namespace hyprstream
