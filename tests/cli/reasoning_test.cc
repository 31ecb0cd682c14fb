#include "engine/reasoning.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hyprstream::engine {
namespace {

using Kind = ReasoningSplitter::Kind;
using Begin = ReasoningSplitter::Begin;

struct Split {
  std::string reasoning;
  std::string answer;
  friend bool operator==(const Split&, const Split&) = default;
};

/// Fed in pieces of `size` bytes.
Split Feed(std::string_view text, size_t size, Begin begin = Begin::kOutside) {
  ReasoningSplitter splitter(begin);
  Split split;
  const auto keep = [&](const std::vector<ReasoningSplitter::Piece>& pieces) {
    for (const auto& piece : pieces) {
      (piece.kind == Kind::kReasoning ? split.reasoning : split.answer) += piece.text;
    }
  };
  for (size_t i = 0; i < text.size(); i += size) keep(splitter.Push(text.substr(i, size)));
  keep(splitter.Flush());
  return split;
}

void ExpectSplit(std::string_view text, const Split& expected, Begin begin = Begin::kOutside) {
  for (size_t size = 1; size <= text.size() + 1; ++size) {
    const Split split = Feed(text, size, begin);
    EXPECT_EQ(split.reasoning, expected.reasoning) << "in pieces of " << size;
    EXPECT_EQ(split.answer, expected.answer) << "in pieces of " << size;
  }
}

TEST(Reasoning, IsToldApartHoweverTheTextIsCut) {
  ExpectSplit("<think>\nfirst this,\n\nthen that\n</think>\n\nThe answer.\n",
              {"first this,\n\nthen that", "The answer.\n"});
}

TEST(Reasoning, AnEmptyBlockLeavesTheAnswer) {
  ExpectSplit("<think>\n\n</think>\n\nYes.", {"", "Yes."});
}

TEST(Reasoning, TextWithoutItIsUntouched) {
  ExpectSplit("  <thin air>\n", {"", "  <thin air>\n"});
  ExpectSplit("a <think>b</think> c", {"", "a <think>b</think> c"});
  ExpectSplit("<thi", {"", "<thi"});
}

TEST(Reasoning, AnUnfinishedBlockIsReasoning) {
  ExpectSplit("<think>on and on </thi", {"on and on </thi", ""});
}

TEST(Reasoning, ThePromptCanHaveBegunIt) {
  ExpectSplit("hm\n</think>\n\nYes.", {"hm", "Yes."}, Begin::kInside);
  EXPECT_EQ(ReasoningBegin("<|im_start|>assistant\n<think>\n"), Begin::kInside);
  EXPECT_EQ(ReasoningBegin("<think>\n\n</think>\n\n"), Begin::kOutside);
}

}  // namespace
}  // namespace hyprstream::engine
