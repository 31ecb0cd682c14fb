#include "cli/profile.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace hyprstream::cli {
namespace {

using std::chrono::nanoseconds;

TEST(Profile, LapsAreThePartsOfTheWhole) {
  Profile profile;
  profile.Lap("one");
  profile.Lap("two", {{"part", nanoseconds(0)}});
  profile.Lap("one");
  const boost::json::value document = profile.Document();
  EXPECT_EQ(document.at("phases").as_array().size(), 3u);
  double sum = 0;
  for (const auto& phase : document.at("phases").as_array()) {
    sum += phase.at("seconds").as_double();
  }
  EXPECT_LE(sum, document.at("wall_seconds").as_double());
  EXPECT_GT(document.at("covered").as_double(), 0.5);
}

TEST(Profile, PartsNeverExceedTheirLap) {
  Profile profile;
  profile.Lap("before");
  profile.Lap("rest", {{"claimed", std::chrono::hours(1)}});
  EXPECT_LT(profile.Document().at("covered").as_double(), 1.001);
}

}  // namespace
}  // namespace hyprstream::cli
