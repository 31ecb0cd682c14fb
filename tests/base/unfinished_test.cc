#include <sys/wait.h>

#include <csignal>
#include <functional>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/new_folder.h"
#include "folder.h"

namespace hyprstream {
namespace {

using testing::Folder;
using testing::Read;

/// Does `work` in a process that is then killed.
void Killed(const std::function<void()>& work) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    work();
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST(Unfinished, WhatAKilledWriterLeftGoesWithTheNextToTheSamePlace) {
  Folder folder;
  Killed([&] {
    AtomicFile file(folder / "a");
    file.Write("half");
    NewFolder under(folder / "b");
    std::ofstream(under.path() / "c") << "half";
    ::raise(SIGKILL);
  });
  EXPECT_EQ(folder.entries(), 2u);
  AtomicFile(folder / "other").Commit();
  EXPECT_EQ(folder.entries(), 3u);  // elsewhere
  AtomicFile(folder / "a").Commit();
  EXPECT_EQ(folder.entries(), 3u);
  NewFolder(folder / "b").Commit();
  EXPECT_EQ(folder.entries(), 3u);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "b"));
}

TEST(Unfinished, AFileInTheWayOfAFolderGoesToo) {
  Folder folder;
  Killed([&] {
    AtomicFile file(folder / "a");
    ::raise(SIGKILL);
  });
  NewFolder(folder / "a").Commit();
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(Unfinished, ARunningWritersIsLeftAlone) {
  Folder folder;
  AtomicFile one(folder / "a");
  one.Write("one");
  NewFolder slow(folder / "b");
  {
    AtomicFile other(folder / "a");
    other.Write("other");
    other.Commit();
    NewFolder(folder / "b", NewFolder::Existing::kReplace).Commit();
  }
  EXPECT_TRUE(std::filesystem::exists(slow.path()));
  one.Commit();
  EXPECT_EQ(Read(folder / "a"), "one");
}

TEST(Unfinished, OthersHiddenFilesAreLeftAlone) {
  Folder folder;
  const std::set<std::string> others{".a.3b241101-e2bb-4255-8caf-4136c566a962",
                                     ".a.unfinished",
                                     ".a.3b241101-e2bb-4255-8caf-4136c566a96.unfinished",
                                     ".a.zb241101-e2bb-4255-8caf-4136c566a962.unfinished",
                                     ".ab.3b241101-e2bb-4255-8caf-4136c566a962.unfinished",
                                     "a.3b241101-e2bb-4255-8caf-4136c566a962.unfinished"};
  for (const std::string& name : others) std::ofstream(folder / name) << "x";
  std::filesystem::create_symlink(folder / ".a.unfinished",
                                  folder / ".a.3b241101-e2bb-4255-8caf-4136c566a962.unfinished");
  AtomicFile(folder / "a").Commit();
  EXPECT_EQ(folder.entries(), others.size() + 2);
}

TEST(Unfinished, ANameAsLongAsNamesMayBeIsWritten) {
  Folder folder;
  const std::string name(255, 'n');
  AtomicFile(folder / name).Commit();
  EXPECT_TRUE(std::filesystem::exists(folder / name));
}

}  // namespace
}  // namespace hyprstream
