#include "base/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "base/error.h"
#include "folder.h"

namespace hyprstream {
namespace {

using testing::Folder;
using testing::Read;

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  Folder folder;
  AtomicFile file(folder / "a");
  file.Write("one ");
  file.Write("two");
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  file.Commit();
  EXPECT_EQ(Read(folder / "a"), "one two");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, WithoutCommitNothingChanges) {
  Folder folder;
  std::ofstream(folder / "a") << "old";
  {
    AtomicFile file(folder / "a");
    file.Write("new");
  }
  EXPECT_EQ(Read(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, ReplacesAnOlderFileAsAWhole) {
  Folder folder;
  std::ofstream(folder / "a") << "a longer old text";
  AtomicFile file(folder / "a");
  file.Write("new");
  file.Commit();
  EXPECT_EQ(Read(folder / "a"), "new");
}

TEST(AtomicFile, AFailedWriteLeavesTheOldFileAndNothingElse) {
  Folder folder;
  std::ofstream(folder / "a") << "old";
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ErrorCode code = ErrorCode::kUsage;
  {
    AtomicFile file(folder / "a");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    try {
      file.Write(std::string(10'000, 'x'));
    } catch (const Error& error) {
      code = error.code();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  }
  EXPECT_EQ(code, ErrorCode::kIo);
  EXPECT_EQ(Read(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, AMissingFolderIsNamed) {
  Folder folder;
  try {
    AtomicFile file(folder / "none/a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(error.detail().where, (folder / "none/a").string());
  }
}

TEST(AtomicFile, HasTheModeOfAnOrdinaryFile) {
  Folder folder;
  AtomicFile file(folder / "a");
  file.Commit();
  std::ofstream(folder / "b") << "";
  struct stat a {};
  struct stat b {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &a), 0);
  ASSERT_EQ(::stat((folder / "b").c_str(), &b), 0);
  EXPECT_EQ(a.st_mode, b.st_mode);
}

}  // namespace
}  // namespace hyprstream
