#include "engine/tool_calls.h"

#include <gtest/gtest.h>

namespace hyprstream::engine {
namespace {

/// "text|name(arguments)|text" of an answer cut into pieces of `size` bytes.
std::string Split(const std::string& answer, size_t size) {
  ToolCallSplitter splitter;
  std::string told;
  bool in_text = false;
  const auto take = [&](const std::vector<ToolCallSplitter::Piece>& pieces) {
    for (const auto& piece : pieces) {
      const bool is_text = piece.kind == ToolCallSplitter::Piece::Kind::kText;
      if (!told.empty() && !(is_text && in_text)) told += "|";
      told += is_text ? piece.text : piece.name + "(" + piece.arguments + ")";
      in_text = is_text;
    }
  };
  for (size_t at = 0; at < answer.size(); at += size) take(splitter.Push(answer.substr(at, size)));
  take(splitter.Flush());
  return told;
}

TEST(ToolCallSplitter, FindsCallsHoweverTheTextIsCut) {
  const std::string answer =
      "I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": \"<x>\", \"a\": 1}}\n"
      "</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":\"raw\"}</tool_call>\n done ";
  for (size_t size = 1; size <= answer.size(); ++size) {
    EXPECT_EQ(Split(answer, size), "I look.|f({\"b\":\"<x>\",\"a\":1})|g(raw)|\n done ") << size;
  }
}

TEST(ToolCallSplitter, LeavesOtherTextAsItIs) {
  for (const std::string text : {"", "plain", " a < b <tool\n\n", "<tool_call", "  \n"}) {
    for (size_t size = 1; size <= text.size(); ++size) EXPECT_EQ(Split(text, size), text);
  }
}

TEST(ToolCallSplitter, WhatIsNoCallStaysText) {
  for (const std::string text :
       {"<tool_call>nonsense</tool_call>", "<tool_call>{\"x\":1}</tool_call>",
        "<tool_call>{\"name\":\"f\"", "<tool_call></tool_call>"}) {
    for (size_t size = 1; size <= text.size(); ++size) EXPECT_EQ(Split(text, size), text);
  }
}

TEST(ToolCallSplitter, AMissingClosingTagIsForgiven) {
  EXPECT_EQ(Split("<tool_call>{\"name\":\"f\",\"arguments\":{}}", 3), "f({})");
}

}  // namespace
}  // namespace hyprstream::engine
