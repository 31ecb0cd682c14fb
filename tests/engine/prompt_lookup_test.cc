#include "engine/prompt_lookup.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace hyprstream::engine {
namespace {

using Tokens = std::vector<int32_t>;

Tokens Guessed(PromptLookup& lookup, const Tokens& tokens, int64_t most = 8) {
  const std::span<const int32_t> guess = lookup.Guess(tokens, most);
  return {guess.begin(), guess.end()};
}

PromptLookup Ready() {
  PromptLookup lookup;
  lookup.Reserve(1000);
  return lookup;
}

TEST(PromptLookup, GuessesWhatFollowedTheLastThreeTokens) {
  PromptLookup lookup = Ready();
  EXPECT_EQ(Guessed(lookup, {1, 2, 3, 4, 5, 6, 1, 2, 3}), (Tokens{4, 5}));
}

TEST(PromptLookup, TheLatestOccurrenceCounts) {
  PromptLookup lookup = Ready();
  EXPECT_EQ(Guessed(lookup, {1, 2, 3, 4, 1, 2, 3, 9, 1, 2, 3}), (Tokens{9, 1}));
}

TEST(PromptLookup, NothingForTwoTokensAlikeOrNoneOrWithoutMemory) {
  PromptLookup lookup = Ready();
  EXPECT_EQ(Guessed(lookup, {1, 2, 3, 4, 5, 6, 9, 2, 3}), Tokens{});
  EXPECT_EQ(Guessed(lookup, {1, 2}), Tokens{});
  PromptLookup without;
  EXPECT_EQ(Guessed(without, {1, 2, 3, 4, 1, 2, 3}), Tokens{});
}

TEST(PromptLookup, NeverMoreThanAskedForNorThanIsKnown) {
  PromptLookup lookup = Ready();
  EXPECT_EQ(Guessed(lookup, {7, 7, 7, 7}), (Tokens{7}));
  EXPECT_EQ(Guessed(lookup, {7, 7, 7, 7, 7}, 0), Tokens{});
  EXPECT_EQ(Guessed(lookup, {7, 7, 7, 7, 7, 7}, -1), Tokens{});
}

TEST(PromptLookup, GrowsWithSuccess) {
  Tokens tokens;
  for (int i = 0; i < 60; ++i) tokens.push_back(i % 20);
  PromptLookup lookup = Ready();
  for (const int64_t length : {2, 4, 8, 8}) {
    EXPECT_EQ(Guessed(lookup, tokens).size(), static_cast<size_t>(length));
    lookup.Judge(length, length);
  }
  lookup.Judge(8, 2);
  EXPECT_EQ(Guessed(lookup, tokens).size(), 3u);
}

TEST(PromptLookup, RestsLongerAfterEachFailureButNotForEver) {
  Tokens tokens;
  for (int i = 0; i < 60; ++i) tokens.push_back(i % 20);
  PromptLookup lookup = Ready();
  for (const int pause : {1, 3, 7, 15, 31, 63, 63}) {
    ASSERT_FALSE(Guessed(lookup, tokens).empty());
    lookup.Judge(2, 0);
    for (int i = 0; i < pause; ++i) EXPECT_TRUE(Guessed(lookup, tokens).empty());
  }
  EXPECT_FALSE(Guessed(lookup, tokens).empty());
}

TEST(PromptLookup, AGuessIsAlwaysWhatFollowedTheSameTokens) {
  const CounterRandom random(3);
  PromptLookup lookup = Ready();
  Tokens tokens;
  int64_t guesses = 0;
  for (uint64_t i = 0; i < 990; ++i) {
    tokens.push_back(static_cast<int32_t>(random.Bits(i) % 6));
    const std::span<const int32_t> guess = lookup.Guess(tokens, 8);
    if (guess.empty()) continue;
    ++guesses;
    lookup.Judge(static_cast<int64_t>(guess.size()), 1);
    const int32_t* begin = guess.data() - 3;
    ASSERT_GE(begin, tokens.data());
    EXPECT_TRUE(std::equal(tokens.end() - 3, tokens.end(), begin));
  }
  EXPECT_GT(guesses, 100);
}

}  // namespace
}  // namespace hyprstream::engine
