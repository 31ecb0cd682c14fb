#include "server/http/json_fields.h"

#include <gtest/gtest.h>

#include "server/http/chat_input.h"
#include "server/http/error_reply.h"
#include "server/http/sampling_input.h"

namespace hyprstream::server {
namespace {

/// Where the request is refused, or "nowhere".
template <typename Call>
std::string WhereRefused(const std::string& text, Call&& call) {
  try {
    const boost::json::value document = ParseJsonText(text);
    call(JsonField(document, ""));
  } catch (const Error& error) {
    EXPECT_TRUE(StatusOf(error) == 400) << error.what();
    return error.detail().where;
  }
  return "nowhere";
}

TEST(ParseJsonText, RefusesWhatIsNoJson) {
  for (const std::string text :
       {"", "{", "{\"a\":1}x", "nul", "[1,]", "{\"a\":NaN}", "\"\xff\"", "{\"a\":\"\\ud800\"}"}) {
    EXPECT_THROW(ParseJsonText(text), Error) << text;
  }
  EXPECT_NO_THROW(ParseJsonText(" {\"a\": [1]} \n"));
  EXPECT_NO_THROW(ParseJsonText(std::string(128, '[') + std::string(128, ']')));
  EXPECT_THROW(ParseJsonText(std::string(129, '[') + std::string(129, ']')), Error);
}

TEST(AppendJsonString, IsReadBackAsItWas) {
  std::string text = "a\"\\\n\t\x01\x7f é 👍";
  std::string json;
  AppendJsonString(json, text);
  EXPECT_EQ(ParseJsonText(json).as_string(), text);
}

TEST(ReadSampling, NamesTheFieldThatIsWrong) {
  const engine::GenerationRequest defaults;
  const auto where = [&](const std::string& text) {
    return WhereRefused(text, [&](const JsonField& body) { ReadSampling(body, defaults); });
  };
  EXPECT_EQ(where("{}"), "nowhere");
  EXPECT_EQ(where(R"({"temperature": null, "unknown": {"x": []}})"), "nowhere");
  EXPECT_EQ(where(R"({"temperature": "hot"})"), "temperature");
  EXPECT_EQ(where(R"({"temperature": 2.5})"), "temperature");
  EXPECT_EQ(where(R"({"temperature": true})"), "temperature");
  EXPECT_EQ(where(R"({"top_k": 1.5})"), "top_k");
  EXPECT_EQ(where(R"({"seed": "7"})"), "seed");
  EXPECT_EQ(where(R"({"stop": 7})"), "stop");
  EXPECT_EQ(where(R"({"stop": ["a", 7]})"), "stop[1]");
  EXPECT_EQ(where(R"({"stop": ["a","b","c","d","e"]})"), "stop");
  EXPECT_EQ(where(R"({"stop": ""})"), "stop");
  EXPECT_EQ(where(R"({"logit_bias": {"x": 1}})"), "logit_bias");
  EXPECT_EQ(where(R"({"logit_bias": {"5": 101}})"), "logit_bias.5");
}

TEST(ReadSampling, TakesWhatIsGivenAndKeepsTheDefaults) {
  engine::GenerationRequest defaults;
  defaults.sampling.top_p = 0.8f;
  const auto document = ParseJsonText(
      R"({"temperature": 0, "seed": 7.0, "stop": "x", "logit_bias": {"5": -1}, "top_k": -1})");
  const auto request = ReadSampling(JsonField(document, ""), defaults);
  EXPECT_EQ(request.sampling.temperature, 0.0f);
  EXPECT_EQ(request.sampling.top_p, 0.8f);
  EXPECT_EQ(request.sampling.top_k, 0);
  EXPECT_EQ(request.sampling.seed, 7u);
  EXPECT_EQ(request.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(request.sampling.logit_bias.at(5), -1.0f);
}

TEST(ReadChat, NamesTheMessageThatIsWrong) {
  const auto where = [&](const std::string& text) {
    return WhereRefused(text, [&](const JsonField& body) { ReadChat(body); });
  };
  EXPECT_EQ(where("{}"), "messages");
  EXPECT_EQ(where(R"({"messages": "hi"})"), "messages");
  EXPECT_EQ(where(R"({"messages": []})"), "messages");
  EXPECT_EQ(where(R"({"messages": [{"content": "x"}]})"), "messages[0].role");
  EXPECT_EQ(where(R"({"messages": [{"role": "king", "content": "x"}]})"), "messages[0].role");
  EXPECT_EQ(where(R"({"messages": [{"role": "user"}]})"), "messages[0].content");
  EXPECT_EQ(where(R"({"messages": [{"role": "user", "content": 5}]})"), "messages[0].content");
  EXPECT_EQ(where(R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})"),
            "messages[0].content[0].type");
  EXPECT_EQ(where(R"({"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "x"}]})"),
            "tools[0].type");
  EXPECT_EQ(where(R"({"messages": [{"role": "assistant", "content": null}]})"), "nowhere");
}

TEST(ReadChat, PutsMessagesIntoTheFormThatTemplatesKnow) {
  const auto document = ParseJsonText(R"({"messages": [
    {"role": "developer", "content": "be kind"},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
      "function": {"name": "f", "arguments": "{\"y\": 1, \"x\": [2]}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "done"}]})");
  const text::ChatInput input = ReadChat(JsonField(document, ""));
  const auto& messages = input.messages.items();
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0].Find("role")->as_string(), "system");
  EXPECT_EQ(messages[1].Find("content")->as_string(), "ab");
  const text::Value& call = messages[2].Find("tool_calls")->items()[0];
  const text::Value* arguments = call.Find("function")->Find("arguments");
  ASSERT_TRUE(arguments->is_object());
  EXPECT_EQ(arguments->entries()[0].key.as_string(), "y");
  EXPECT_EQ(messages[3].Find("tool_call_id")->as_string(), "c1");
  EXPECT_TRUE(input.tools.is_none());
}

}  // namespace
}  // namespace hyprstream::server
