#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hyprstream {
namespace {

TEST(Error, TextHasEveryPartInOneLine) {
  const Error error(ErrorCode::kDataLoss, {.message = "wrong size",
                                           .expected = "4",
                                           .found = "3",
                                           .where = "offset 8",
                                           .hint = "download it again"});
  EXPECT_STREQ(error.what(), "wrong size: expected 4, found 3 (offset 8); download it again");
  EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
}

TEST(Error, EmptyPartsLeaveNoTrace) {
  EXPECT_STREQ(Error(ErrorCode::kIo, {.message = "no"}).what(), "no");
  EXPECT_STREQ(Error(ErrorCode::kIo, {.message = "no", .found = "x"}).what(), "no: found x");
  EXPECT_STREQ(Error(ErrorCode::kIo, {.message = "no", .expected = "y"}).what(), "no: expected y");
}

TEST(Error, WithinPutsThePlaceInFront) {
  const Error inner(ErrorCode::kLimit, {.message = "deep", .where = "key a"});
  const Error outer = inner.Within("file.json");
  EXPECT_EQ(outer.detail().where, "file.json: key a");
  EXPECT_EQ(outer.code(), ErrorCode::kLimit);
  EXPECT_EQ(Error(ErrorCode::kIo, {.message = "m"}).Within("p").detail().where, "p");
}

TEST(Error, CodesHaveDistinctNames) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kIo); ++code) {
    names.insert(ErrorCodeName(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(ErrorCode::kIo) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(CheckDeathTest, ABrokenInvariantAbortsWithItsText) {
  const int answer = 41;
  EXPECT_DEATH(HYPR_CHECK(answer == 42), "error_test.cc:.*broken invariant: answer == 42");
}

}  // namespace
}  // namespace hyprstream
