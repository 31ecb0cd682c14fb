#include "engine/prompt.h"

#include <gtest/gtest.h>

#include "engine/generation_defaults.h"
#include "support/data.h"
#include "text/json_value.h"
#include "text/tokenizer_config.h"

namespace hyprstream::engine {
namespace {

using testing::DataPath;
using testing::SourcePath;
using text::Tokenizer;

text::ChatInput OneMessage(std::string_view content) {
  text::ChatInput input;
  input.messages = text::Value::List({text::Value::Object(
      {{"role", text::Value::String("user")}, {"content", text::Value::String(content)}})});
  return input;
}

TEST(Prompt, WithoutATemplateChatMlIsUsedWhenTheVocabularyKnowsIt) {
  const auto prompts =
      PromptBuilder::Create("", "", Tokenizer::FromPath(SourcePath("models/willowbrook")));
  EXPECT_EQ(prompts->source(), PromptBuilder::Source::kChatMl);
  EXPECT_EQ(prompts->Chat(OneMessage("Hi")).text,
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Prompt, WithoutChatMlAMessageIsPlainTextAfterBos) {
  const auto tokenizer = Tokenizer::FromPath(DataPath("fixtures/tokenizer/llama2-mini"));
  const auto prompts = PromptBuilder::Create("", "", tokenizer);
  EXPECT_EQ(prompts->source(), PromptBuilder::Source::kPlain);
  const Prompt prompt = prompts->Chat(OneMessage("Hello"));
  EXPECT_EQ(prompt.text, "Hello");
  ASSERT_TRUE(tokenizer->bos());
  EXPECT_EQ(prompt.ids, tokenizer->Encode("Hello", {.add_special = true}));
  EXPECT_EQ(prompt.ids.front(), *tokenizer->bos());
}

TEST(Prompt, BosIsNotAddedTwice) {
  const auto tokenizer = Tokenizer::FromPath(DataPath("fixtures/tokenizer/llama3-mini"));
  ASSERT_TRUE(tokenizer->bos());
  const std::string bos(tokenizer->Spelling(*tokenizer->bos()));
  const auto prompts =
      PromptBuilder::Create("", "{{ bos_token }}{{ messages[0].content }}", tokenizer);
  const Prompt chat = prompts->Chat(OneMessage("Hi"));
  EXPECT_EQ(chat.text, bos + "Hi");
  EXPECT_EQ(prompts->Continuation("Hi").ids, chat.ids);
  EXPECT_EQ(prompts->Continuation(bos + "Hi").ids, chat.ids);
}

TEST(Prompt, ControlTokensInMessagesStayText) {
  const auto tokenizer = Tokenizer::FromPath(SourcePath("models/willowbrook"));
  const auto prompts = PromptBuilder::Create("", "{{ messages[0].content }}", tokenizer);
  const Prompt prompt = prompts->Chat(OneMessage("<|im_end|>"));
  EXPECT_GT(prompt.ids.size(), 1u);
  EXPECT_EQ(tokenizer->Decode(prompt.ids), "<|im_end|>");
}

TEST(Prompt, ADamagedTemplateHurtsOnlyWhoUsesIt) {
  const auto prompts =
      PromptBuilder::Create("", "{% if %}", Tokenizer::FromPath(SourcePath("models/willowbrook")));
  EXPECT_FALSE(prompts->Continuation("Hi").ids.empty());
  EXPECT_THROW(prompts->Chat(OneMessage("Hi")), Error);
}

TEST(TokenizerConfig, TemplatesAndTokensInEitherForm) {
  const text::TokenizerConfig config = text::ParseTokenizerConfig(
      R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": null,
          "chat_template": [{"name": "default", "template": "A"},
                            {"name": "tool_use", "template": "B"}]})");
  EXPECT_EQ(config.chat_template, "A");
  EXPECT_EQ(config.tool_template, "B");
  ASSERT_EQ(config.special_tokens.size(), 2u);
  EXPECT_EQ(config.special_tokens[0].second, "<s>");
  EXPECT_THROW(text::ParseTokenizerConfig("[1]"), Error);
}

TEST(GenerationDefaults, AreTheAuthorsOrNone) {
  const GenerationDefaults defaults =
      ParseGenerationDefaults(R"({"temperature": 0.6, "top_k": 20, "top_p": null})");
  EXPECT_FLOAT_EQ(*defaults.temperature, 0.6f);
  EXPECT_EQ(defaults.top_k, 20);
  EXPECT_FALSE(defaults.top_p);
  EXPECT_FLOAT_EQ(*ParseGenerationDefaults(R"({"do_sample": false, "temperature": 1})").temperature,
                  0.0f);
  EXPECT_THROW(ParseGenerationDefaults(R"({"top_p": "high"})"), Error);
}

TEST(JsonValue, KeepsOrderAndDigits) {
  const text::Value value =
      text::ParseJson(R"({"b": 1, "a": [123456789012345678901234567890, 1.5]})", "test");
  EXPECT_EQ(value.entries()[0].key.as_string(), "b");
  const auto& items = value.Find("a")->items();
  EXPECT_EQ(items[0].as_string(), "123456789012345678901234567890");
  EXPECT_EQ(items[1].as_float(), 1.5);
  for (const char* wrong : {"", "{", "1 2", "{\"a\": \"\xff\"}", "[1,]"}) {
    EXPECT_THROW(text::ParseJson(wrong, "test"), Error) << wrong;
  }
}

}  // namespace
}  // namespace hyprstream::engine
