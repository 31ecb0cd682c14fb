#include "registry/partial_file.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::CodeOf;
using testing::Folder;
using testing::Read;

const std::string kId(64, 'a');

void Append(const PartialFile& partial, std::string_view text) {
  ASSERT_EQ(::write(partial.descriptor(), text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
}

TEST(PartialFile, KeepsItsBytesForTheNextWriter) {
  const Folder folder;
  {
    const PartialFile partial = PartialFile::Open(folder / "partial", kId);
    EXPECT_EQ(partial.size(), 0u);
    Append(partial, "half");
  }
  PartialFile partial = PartialFile::Open(folder / "partial", kId);
  EXPECT_EQ(partial.size(), 4u);
  EXPECT_EQ(Read(partial.path()), "half");
  std::ofstream(partial.state_path()) << "state";
  partial.Reset();
  EXPECT_EQ(partial.size(), 0u);
  EXPECT_FALSE(std::filesystem::exists(partial.state_path()));
  Append(partial, "new");
  EXPECT_EQ(Read(partial.path()), "new");
  partial.Discard();
  EXPECT_EQ(folder.entries(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "partial"));
}

TEST(PartialFile, SurvivesAKilledWriterWhoseLockGoes) {
  const Folder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const PartialFile partial = PartialFile::Open(folder.path(), kId);
    if (::write(partial.descriptor(), "written", 7) != 7) ::_exit(1);
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const PartialFile partial = PartialFile::Open(folder.path(), kId);
  EXPECT_EQ(Read(partial.path()), "written");
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(PartialFile, OthersWaitAndAreTold) {
  const Folder folder;
  std::optional<PartialFile> first = PartialFile::Open(folder.path(), kId);
  Append(*first, "by the first");
  std::atomic<int> told = 0;
  std::atomic<bool> opened = false;
  std::thread second([&] {
    const PartialFile partial = PartialFile::Open(folder.path(), kId, [&] {
      ++told;
      told.notify_all();
    });
    opened = true;
    EXPECT_EQ(Read(partial.path()), "by the first");
  });
  told.wait(0);
  EXPECT_FALSE(opened);
  first.reset();
  second.join();
  EXPECT_TRUE(opened);
  EXPECT_EQ(told, 1);
}

TEST(PartialFile, AWaiterDoesNotWriteIntoAFinishedFile) {
  const Folder folder;
  std::optional<PartialFile> first = PartialFile::Open(folder.path(), kId);
  Append(*first, "finished");
  std::atomic<int> told = 0;
  std::thread second([&] {
    const PartialFile partial = PartialFile::Open(folder.path(), kId, [&] {
      ++told;
      told.notify_all();
    });
    EXPECT_EQ(partial.size(), 0u);
    Append(partial, "other");
  });
  told.wait(0);
  std::filesystem::rename(first->path(), folder / "final");
  first.reset();
  second.join();
  EXPECT_EQ(Read(folder / "final"), "finished");
}

TEST(PartialFile, OnlyHashesAreNames) {
  const Folder folder;
  for (const std::string& id : {std::string(), std::string("../x"), std::string(64, 'A'),
                                std::string(63, 'a'), std::string(64, '/')}) {
    EXPECT_EQ(CodeOf([&] { PartialFile::Open(folder.path(), id); }), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(PartialFile, ALinkInItsPlaceIsNotWrittenThrough) {
  const Folder folder;
  std::ofstream(folder / "victim") << "untouched";
  std::filesystem::create_directory(folder / "partial");
  std::filesystem::create_symlink(folder / "victim", folder / "partial" / kId);
  EXPECT_NE(CodeOf([&] { PartialFile::Open(folder / "partial", kId); }), ErrorCode::kUsage);
  EXPECT_EQ(Read(folder / "victim"), "untouched");
}

}  // namespace
}  // namespace hyprstream::registry
