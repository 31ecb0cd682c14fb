#include "registry/part_table.h"

#include <gtest/gtest.h>

#include <fstream>

#include "../base/folder.h"

namespace hyprstream::registry {
namespace {

using hyprstream::testing::Folder;

const std::string kId(64, 'a');

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(PartTable, RemembersWhatIsThere) {
  const Folder folder;
  {
    PartialFile partial = PartialFile::Open(folder.path(), kId);
    PartTable parts(partial, 10, 4);
    ASSERT_EQ(parts.count(), 3u);
    parts.Append(2, Bytes("ij"));
    parts.Append(0, Bytes("abc"));
    EXPECT_TRUE(parts.complete(2));
    EXPECT_FALSE(parts.complete(0));
    EXPECT_EQ(parts.frontier(), 3u);
  }
  PartialFile partial = PartialFile::Open(folder.path(), kId);
  PartTable parts(partial, 10, 5);  // what is there decides
  ASSERT_EQ(parts.count(), 3u);
  EXPECT_EQ(parts.total_done(), 5u);
  parts.Append(0, Bytes("d"));
  parts.Append(1, Bytes("efgh"));
  EXPECT_EQ(parts.frontier(), 10u);
  EXPECT_EQ(hyprstream::testing::Read(partial.path()), "abcdefghij");
}

TEST(PartTable, BeginsAnewForAnotherSizeOrAForeignState) {
  const Folder folder;
  PartialFile partial = PartialFile::Open(folder.path(), kId);
  PartTable(partial, 10, 4).Append(0, Bytes("abc"));
  EXPECT_EQ(PartTable(partial, 11, 4).total_done(), 0u);
  EXPECT_EQ(partial.size(), 0u);
  PartTable(partial, 10, 4).Append(0, Bytes("abc"));
  std::ofstream(partial.state_path()) << "nonsense of more than a header's length, I suppose";
  EXPECT_EQ(PartTable(partial, 10, 4).total_done(), 0u);
}

TEST(PartTable, BelievesNoStateBeyondTheFile) {
  const Folder folder;
  PartialFile partial = PartialFile::Open(folder.path(), kId);
  PartTable(partial, 10, 4).Append(0, Bytes("abc"));
  std::filesystem::resize_file(partial.path(), 2);
  EXPECT_EQ(PartTable(partial, 10, 4).total_done(), 0u);
}

TEST(PartTable, AnEmptyFileIsComplete) {
  const Folder folder;
  PartialFile partial = PartialFile::Open(folder.path(), kId);
  const PartTable parts(partial, 0, 4);
  EXPECT_EQ(parts.count(), 1u);
  EXPECT_TRUE(parts.complete(0));
}

}  // namespace
}  // namespace hyprstream::registry
