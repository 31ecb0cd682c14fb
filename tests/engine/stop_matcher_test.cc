#include "engine/stop_matcher.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

namespace hyprstream::engine {
namespace {

TEST(StopMatcher, TextWithoutStopsPassesAtOnce) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.Push("hello"), "hello");
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcher, AStopAcrossPiecesIsNeverShown) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.Push("an E"), "an ");
  EXPECT_EQ(matcher.Push("N"), "");
  EXPECT_EQ(matcher.Push("D of"), "");
  EXPECT_EQ(matcher.matched(), "END");
  EXPECT_EQ(matcher.Push("more"), "");
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcher, AFalseBeginningIsShownAfterAll) {
  StopMatcher matcher({"aab"});
  EXPECT_EQ(matcher.Push("xaa"), "x");
  EXPECT_EQ(matcher.Push("a"), "a");
  EXPECT_EQ(matcher.Push("c"), "aac");
  EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcher, WhatIsHeldAtTheEndIsGivenBack) {
  StopMatcher matcher({"\n\nUser:"});
  EXPECT_EQ(matcher.Push("bye\n\nUse"), "bye");
  EXPECT_EQ(matcher.Flush(), "\n\nUse");
}

TEST(StopMatcher, TheLongestOfThoseEndingTogetherWins) {
  StopMatcher matcher({"bc", "abc"});
  EXPECT_EQ(matcher.Push("xabc"), "x");
  EXPECT_EQ(matcher.matched(), "abc");
}

// Byte by byte over the whole text: the first end of any stop, the longest there.
std::pair<std::string, std::string> Naive(const std::string& text,
                                          const std::vector<std::string>& stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    std::string best;
    for (const std::string& stop : stops) {
      if (stop.size() > best.size() && text.substr(0, end).ends_with(stop)) best = stop;
    }
    if (!best.empty()) return {text.substr(0, end - best.size()), best};
  }
  return {text, ""};
}

TEST(StopMatcher, TheResultDoesNotDependOnHowTheTextIsCut) {
  const bool held = rc::check([] {
    const auto letters = rc::gen::element('a', 'b', 'c');
    const auto text = *rc::gen::container<std::string>(letters);
    auto stops = *rc::gen::container<std::vector<std::string>>(
        rc::gen::nonEmpty(rc::gen::container<std::string>(letters)));
    StopMatcher matcher(stops);
    std::string shown;
    for (size_t at = 0; at < text.size();) {
      const auto size = *rc::gen::inRange<size_t>(1, 5);
      shown += matcher.Push(text.substr(at, size));
      at += size;
    }
    if (!matcher.matched()) shown += matcher.Flush();
    const auto [expected, stop] = Naive(text, stops);
    RC_ASSERT(shown == expected);
    RC_ASSERT(matcher.matched().value_or("") == stop);
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace hyprstream::engine
