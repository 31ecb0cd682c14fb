#include "base/mapped_file.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "folder.h"

namespace hyprstream {
namespace {

using testing::Folder;

ErrorCode CodeOf(const std::filesystem::path& path) {
  try {
    MappedFile::Open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.detail().where, path.string());
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kUsage;
}

TEST(MappedFile, ShowsTheBytes) {
  Folder folder;
  std::ofstream(folder / "a") << "bytes";
  const auto file = MappedFile::Open(folder / "a");
  EXPECT_TRUE(std::ranges::equal(file->bytes(), std::as_bytes(std::span("bytes", 5))));
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  Folder folder;
  std::ofstream(folder / "a") << "";
  EXPECT_TRUE(MappedFile::Open(folder / "a")->bytes().empty());
}

TEST(MappedFile, WhatIsNoFileIsRefused) {
  Folder folder;
  EXPECT_EQ(CodeOf(folder / "missing"), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(folder.path()), ErrorCode::kInvalidArgument);
}

TEST(MappedFile, APipeIsRefusedWithoutWaitingForItsWriter) {
  Folder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(CodeOf(folder / "pipe"), ErrorCode::kInvalidArgument);
}

TEST(MappedFile, DroppedPagesComeBack) {
  Folder folder;
  std::ofstream(folder / "a") << std::string(100'000, 'x');
  const auto file = MappedFile::Open(folder / "a");
  file->DropPages(file->bytes().subspan(10, 90'000));
  EXPECT_TRUE(std::ranges::all_of(file->bytes(), [](std::byte b) { return b == std::byte{'x'}; }));
}

}  // namespace
}  // namespace hyprstream
