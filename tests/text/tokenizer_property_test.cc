#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "text/fixture_tokenizers.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

/// Text of letters, spaces, digits, odd characters and pieces of control tokens.
rc::Gen<std::string> AnyText() {
  const auto character =
      rc::gen::map(rc::gen::weightedOneOf<uint32_t>(
                       {{6, rc::gen::inRange<uint32_t>(0x20, 0x7F)},
                        {2, rc::gen::element<uint32_t>(' ', '\n', '\r', '\t', 0xA0)},
                        {2, rc::gen::inRange<uint32_t>(0x80, 0x370)},
                        {2, rc::gen::inRange<uint32_t>(0x1100, 0xD800)},
                        {1, rc::gen::inRange<uint32_t>(0xE000, 0x110000)}}),
                   [](uint32_t c) {
                     std::string text;
                     AppendUtf8(text, c);
                     return text;
                   });
  const auto fragment = rc::gen::element<std::string>(
      "<|im_end|>", "<|im_start|>", "<think>", "</think>", "<tool_call>", "<|endoftext|>", "<|im_",
      "end|>", "'ll", "    ", "the", "123", "</s>", "<0x0A>");
  const auto piece = rc::gen::weightedOneOf<std::string>({{4, character}, {1, fragment}});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const std::string& p : pieces) text += p;
                        return text;
                      });
}

RC_GTEST_PROP(TokenizerProperty, DecodingWhatWasEncodedGivesTheNormalisedText, ()) {
  const auto tokenizer = FixtureTokenizer("qwen3");
  const std::string text = *AnyText();
  const auto ids = tokenizer->Encode(text, {.special_text = SpecialText::kInert});
  RC_ASSERT(tokenizer->Decode(ids) == Normalize(text, NormalForm::kNfc));
}

RC_GTEST_PROP(TokenizerProperty, ByteLevelWithoutNormaliserGivesTheTextBack, ()) {
  const auto tokenizer = FixtureTokenizer("llama3-mini");
  const std::string text = *AnyText();
  RC_ASSERT(tokenizer->Decode(tokenizer->Encode(text)) == text);
}

RC_GTEST_PROP(TokenizerProperty, StreamOfAnyBytesJoinsToTheWholeDecode, ()) {
  for (const char* name : {"qwen3", "gpt2-mini", "smollm2"}) {
    const auto tokenizer = FixtureTokenizer(name);
    const auto last = static_cast<TokenId>(tokenizer->vocab_size() + 3);
    const auto ids = *rc::gen::container<std::vector<TokenId>>(rc::gen::weightedOneOf<TokenId>(
        {{3, rc::gen::inRange<TokenId>(0, 256)}, {1, rc::gen::inRange<TokenId>(0, last)}}));
    const bool skip = *rc::gen::arbitrary<bool>();
    StreamDecoder stream(tokenizer, skip);
    std::string joined;
    for (const TokenId id : ids) {
      const std::string delta = stream.Push(id);
      RC_ASSERT(!FindInvalidUtf8(delta));
      joined += delta;
    }
    joined += stream.Flush();
    RC_ASSERT(joined == tokenizer->Decode(ids, skip));
  }
}

RC_GTEST_PROP(TokenizerProperty, InertTextHasNoControlId, ()) {
  const std::string text = *AnyText();
  for (const char* name : {"qwen3", "smollm2", "llama3-mini", "flags-mini", "llama2-mini"}) {
    const auto tokenizer = FixtureTokenizer(name);
    const auto ids = tokenizer->Encode(text, {.special_text = SpecialText::kInert});
    for (const TokenId id : ids) {
      const bool is_unk = tokenizer->Spelling(id) == "<unk>";
      RC_ASSERT(is_unk || !tokenizer->IsSpecial(id));
      RC_ASSERT(tokenizer->Spelling(id) != "<think>");
      RC_ASSERT(tokenizer->Spelling(id) != "<tool_call>");
    }
  }
}

RC_GTEST_PROP(TokenizerProperty, TextWithoutInertRangesEncodesAsPlainText, ()) {
  const std::string text = *AnyText();
  for (const char* name : {"qwen3", "llama3-mini", "flags-mini", "mistral-mini"}) {
    const auto tokenizer = FixtureTokenizer(name);
    RC_ASSERT(tokenizer->Encode(MarkedText{.text = text, .inert = {}}) == tokenizer->Encode(text));
  }
}

RC_GTEST_PROP(TokenizerProperty, OnlyTokensOutsideInertRangesAreControl, ()) {
  const auto tokenizer = FixtureTokenizer("qwen3");
  MarkedText marked;
  std::vector<TokenId> control;
  const auto messages = *rc::gen::container<std::vector<std::string>>(AnyText());
  for (const std::string& message : messages) {
    marked.text += "<|im_start|>user\n";
    if (!message.empty()) {
      marked.inert.push_back({marked.text.size(), marked.text.size() + message.size()});
    }
    marked.text += message + "<|im_end|>\n";
    control.insert(control.end(), {151644, 151645});
  }
  std::vector<TokenId> found;
  for (const TokenId id : tokenizer->Encode(marked)) {
    if (id >= 151643) found.push_back(id);
  }
  RC_ASSERT(found == control);
}

RC_GTEST_PROP(TokenizerProperty, OrdinaryMessagesEncodeAsTheUnmarkedPrompt, ()) {
  for (const char* name : {"qwen3", "llama3-mini", "llama2-mini", "flags-mini"}) {
    const auto tokenizer = FixtureTokenizer(name);
    const auto words = *rc::gen::container<std::string>(
        rc::gen::element('a', 'e', ' ', '\n', '1', '.', '\'', 's', 'T'));
    MarkedText marked{.text = "<|im_end|>user: " + words + " bye<|im_end|>", .inert = {}};
    if (!words.empty()) marked.inert = {{16, 16 + words.size()}};
    RC_ASSERT(tokenizer->Encode(marked) == tokenizer->Encode(marked.text));
  }
}

TEST(MarkedTextEncoding, TokenAcrossAnInertEdgeIsText) {
  const auto tokenizer = FixtureTokenizer("qwen3");
  const std::string text = "a<|im_end|>b";
  const auto plain = tokenizer->Encode(text, {.special_text = SpecialText::kInert});
  EXPECT_EQ(tokenizer->Encode(MarkedText{text, {{3, 5}}}), plain);
  EXPECT_EQ(tokenizer->Encode(MarkedText{text, {{0, 2}}}), plain);
  EXPECT_EQ(tokenizer->Encode(MarkedText{text, {{10, 12}}}), plain);
  EXPECT_EQ(tokenizer->Encode(MarkedText{text, {{0, 1}, {11, 12}}}), tokenizer->Encode(text));
}

TEST(MarkedTextEncoding, NormalizedTokensAreInertToo) {
  // "Café" is looked for in text that has been composed and lower-cased.
  const auto tokenizer = FixtureTokenizer("flags-mini");
  const auto count = [&](const MarkedText& text) {
    const auto ids = tokenizer->Encode(text);
    return std::count(ids.begin(), ids.end(), 1005);
  };
  const std::string text = "A cafe\xCC\x81 and CAF\xC3\x89.";
  EXPECT_EQ(count({text, {}}), 2);
  EXPECT_EQ(count({text, {{2, 8}}}), 1);
  EXPECT_EQ(count({text, {{13, 15}}}), 1);
  EXPECT_EQ(count({text, {{0, text.size()}}}), 0);
  // A range that ends inside what is composed makes the whole piece inert.
  EXPECT_EQ(count({text, {{0, 6}}}), 0);
}

TEST(TokenizerLength, MegabyteOfOneLetterIsOneWordMergedInReasonableTime) {
  const std::string text(1 << 20, 'a');
  for (const char* name : {"qwen3", "smollm2", "llama2-mini", "mistral-mini"}) {
    const auto tokenizer = FixtureTokenizer(name);
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text) << name;
  }
}

TEST(TokenizerLength, MegabyteOfCombiningMarksIsSortedInReasonableTime) {
  std::string text;
  for (int i = 0; i < (1 << 18); ++i) text += i % 2 == 0 ? "\xCC\x81" : "\xCC\xA3";
  const auto tokenizer = FixtureTokenizer("qwen3");
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)).size(), text.size());
}

TEST(TokenizerLength, MegabyteOfMixedTextRoundTrips) {
  std::string text;
  const auto rows = ReadRows("fixtures/tokenizer/text.jsonl");
  for (size_t i = 0; text.size() < (1 << 20); ++i)
    text += rows[i % rows.size()].at("text").as_string();
  for (const char* name : {"llama3-mini", "gpt2-mini"}) {
    const auto tokenizer = FixtureTokenizer(name);
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text) << name;
  }
}

TEST(TokenizerText, InvalidUtf8IsAnErrorThatNamesTheByte) {
  const auto tokenizer = FixtureTokenizer("gpt2-mini");
  for (const std::string bad : {"abc\xFF", "abc\xC3", "abc\xED\xA0\x80", "abc\xC0\x80"}) {
    try {
      tokenizer->Encode(bad);
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_EQ(error.detail().where, "byte 3");
    }
  }
}

}  // namespace
}  // namespace hyprstream::text
