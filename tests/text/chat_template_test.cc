// What the renderer does around the template: names that are always there, reasoning under all its
// names, answers to continue, the clock.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <string>

#include "chat_template_fixtures.h"
#include "text/json_value.h"

namespace hyprstream::text {
namespace {

std::string Render(std::string_view source, std::string_view messages, ChatInput input = {}) {
  input.messages = ParseJson(messages);
  return ChatTemplate::Compile(source).Render(input).text;
}

TEST(ChatTemplate, ToolsAndDocumentsAreAlwaysDefinedAndOtherNamesAreNot) {
  EXPECT_EQ(
      Render("{{ tools is defined }} {{ documents is none }} {{ bos_token is defined }}", "[]"),
      "True True False");
}

TEST(ChatTemplate, ReasoningIsThereUnderAllItsNames) {
  const char* show = "{{ messages[0] | tojson }}";
  EXPECT_EQ(
      Render(show, R"([{"role":"assistant","reasoning":"r"}])"),
      R"({"thinking": "r", "role": "assistant", "reasoning": "r", "reasoning_content": "r"})");
  EXPECT_EQ(Render(show, R"([{"thinking":"t","reasoning_content":"c"}])"),
            R"({"thinking": "t", "reasoning_content": "c"})");
  EXPECT_EQ(Render(show, R"([{"role":"user","reasoning":null}])"),
            R"({"role": "user", "reasoning": null})");
}

TEST(ChatTemplate, AMessageThatIsNoObjectIsAnError) {
  EXPECT_THROW(Render("", R"(["hi"])"), TemplateError);
}

TEST(ChatTemplate, AnAnswerToContinueEndsThePromptAndKeepsItsMark) {
  ChatInput input;
  input.continue_final_message = true;
  input.add_generation_prompt = false;
  input.messages = ParseJson(R"([{"role":"assistant","content":[{"type":"text","text":"Po"}]}])");
  const ChatTemplate chat = ChatTemplate::Compile(
      "<a>{% for m in messages %}{{ m.content | map(attribute='text') | join }}{% endfor %}</a>");
  const MarkedText prompt = chat.Render(input);
  EXPECT_EQ(prompt.text, "<a>Po");
  EXPECT_EQ(testing::InertParts(prompt), std::vector<std::string>{"Po"});
}

TEST(ChatTemplate, AnAnswerThatTheTemplateDoesNotPrintCannotBeContinued) {
  ChatInput input;
  input.continue_final_message = true;
  for (const char* source : {"nothing", "{# content #}x", "{{ messages[0].content | length }}"}) {
    EXPECT_THROW(Render(source, R"([{"role":"assistant","content":"Po"}])", input), TemplateError);
  }
  EXPECT_THROW(Render("{{ content }}", "[]", input), TemplateError);
  EXPECT_THROW(Render("{{ content }}", R"([{"role":"assistant","content":null}])", input),
               TemplateError);
}

TEST(ChatTemplate, TheClockIsWhatTheCallerSays) {
  ChatInput input;
  input.now = testing::ClockOf("2024-12-30T23:59:58");
  EXPECT_EQ(
      Render("{{ strftime_now('%d %b %Y %H:%M:%S %-d %e %j %U %W %V %G %u %y %%') }}", "[]", input),
      "30 Dec 2024 23:59:58 30 30 365 52 53 01 2025 1 24 %");
}

TEST(ChatTemplate, TheTextOfRaiseExceptionReachesTheCaller) {
  try {
    Render("{{ raise_exception('only ' ~ messages | length) }}", "[]");
    FAIL();
  } catch (const TemplateError& error) {
    EXPECT_EQ(error.kind(), TemplateErrorKind::kRaised);
    EXPECT_EQ(error.detail().message, "only 0");
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  }
}

TEST(ChatTemplate, SourceThatIsNotUtf8IsRefused) {
  EXPECT_THROW(ChatTemplate::Compile("a\xff"), TemplateError);
}

}  // namespace
}  // namespace hyprstream::text
