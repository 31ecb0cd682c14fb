// What a chat's client is told for what a model says.
#include "server/http/chat_output.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "scripted_engine.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using testing::Script;
using testing::ScriptedEngine;

constexpr auto kOutside = engine::ReasoningSplitter::Begin::kOutside;

class ChatOutputTest : public ::testing::Test {
 protected:
  Answer Ask(std::vector<Script> scripts, bool tools = false) {
    ScriptedEngine engine(scripts);
    return Answer(engine, std::vector<engine::GenerationRequest>(scripts.size()),
                  {.reasoning = kOutside, .choices_per_prompt = scripts.size(), .tools = tools},
                  record_);
  }
  AnswerHead Head() const {
    return {.id = "chatcmpl-1",
            .created = 5,
            .speaker = {.model = &model_, .adapters = {}, .name = "m"},
            .fingerprint = "base+f"};
  }
  json::object Whole(Answer answer) const {
    Reply reply = CollectChat({}, Head(), std::move(answer), {});
    return json::parse(reply.later->Take()->body).as_object();
  }
  static std::string Stream(Reply reply, BodySource::State expected = BodySource::State::kEnd) {
    std::string out;
    EXPECT_EQ(reply.stream->Take(out), expected);
    return out;
  }
  std::vector<json::value> Chunks(Answer answer, const ChatOutput& output = {}) const {
    std::string text = Stream(StreamChat({}, Head(), std::move(answer), output));
    std::vector<json::value> chunks;
    EXPECT_TRUE(text.ends_with("data: [DONE]\n\n"));
    text.resize(text.size() - std::string_view("data: [DONE]\n\n").size());
    for (size_t end; (end = text.find("\n\n")) != std::string::npos; text.erase(0, end + 2)) {
      chunks.push_back(json::parse(text.substr(6, end - 6)));
    }
    return chunks;
  }

  ServedModel model_;
  std::shared_ptr<RequestRecord> record_ = std::make_shared<RequestRecord>();
};

const json::object& Message(const json::object& document) {
  return document.at("choices").at(0).at("message").as_object();
}

TEST_F(ChatOutputTest, TellsReasoningApart) {
  const json::object document = Whole(Ask({{{"<think>", "\nhm", "\n</think>\n\n", "yes"}}}));
  EXPECT_EQ(Message(document).at("content"), "yes");
  EXPECT_EQ(Message(document).at("reasoning_content"), "hm");
  EXPECT_EQ(Message(document).find("tool_calls"), Message(document).end());
  EXPECT_EQ(document.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(document.at("usage").at("completion_tokens_details").at("reasoning_tokens"), 1);
  EXPECT_EQ(document.at("usage").at("prompt_tokens_details").at("cached_tokens"), 4);
}

TEST_F(ChatOutputTest, TellsCallsOfTools) {
  const json::object document = Whole(
      Ask({{{"<tool", "_call>\n{\"name\": \"f\", \"argu", "ments\": {\"b\": 1, \"a\": [2]}}\n",
             "</tool_call>\n<tool_call>\n{\"name\":\"g\"}\n</tool_call>"}}},
          true));
  const json::object& message = Message(document);
  EXPECT_TRUE(message.at("content").is_null());
  const json::array& calls = message.at("tool_calls").as_array();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].at("function").at("name"), "f");
  EXPECT_EQ(json::parse(calls[0].at("function").at("arguments").as_string()),
            json::parse(R"({"b":1,"a":[2]})"));
  EXPECT_EQ(calls[1].at("function").at("arguments"), "{}");
  EXPECT_NE(calls[0].at("id"), calls[1].at("id"));
  EXPECT_EQ(document.at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST_F(ChatOutputTest, StreamsCallsOfToolsAsClientsPutThemTogether) {
  const auto chunks = Chunks(Ask(
      {{{"I look.\n", "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1}}</tool_call>"}}}, true));
  std::string content, name, arguments;
  for (const json::value& chunk : chunks) {
    const json::object& delta = chunk.at("choices").at(0).at("delta").as_object();
    if (const auto* text = delta.if_contains("content")) content += text->as_string();
    if (const auto* calls = delta.if_contains("tool_calls")) {
      const json::object& call = calls->at(0).as_object();
      EXPECT_EQ(call.at("index"), 0);
      if (const auto* told = call.at("function").as_object().if_contains("name")) {
        name += told->as_string();
        EXPECT_EQ(call.at("type"), "function");
      }
      arguments += call.at("function").at("arguments").as_string();
    }
  }
  EXPECT_EQ(content, "I look.");
  EXPECT_EQ(name, "f");
  EXPECT_EQ(arguments, "{\"x\":1}");
  EXPECT_EQ(chunks.back().at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST_F(ChatOutputTest, LeavesTheTextAloneWhenThereAreNoTools) {
  const std::string text = "<tool_call>{\"name\":\"f\"}</tool_call>";
  EXPECT_EQ(Message(Whole(Ask({{{text}}}))).at("content").as_string(), text);
}

TEST_F(ChatOutputTest, EveryChunkHasItsParts) {
  const auto chunks = Chunks(Ask({{{"a", "", "b"}}, {{"c"}, engine::FinishReason::kLength}}),
                             {.include_usage = true});
  std::vector<std::string> texts(2);
  std::vector<std::string> reasons(2);
  for (size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].at("id"), "chatcmpl-1");
    EXPECT_EQ(chunks[i].at("object"), "chat.completion.chunk");
    EXPECT_EQ(chunks[i].at("system_fingerprint"), "base+f");
    EXPECT_TRUE(chunks[i].at("usage").is_null());
    const json::value& choice = chunks[i].at("choices").at(0);
    const auto index = choice.at("index").to_number<size_t>();
    EXPECT_TRUE(choice.at("logprobs").is_null());
    if (const auto* text = choice.at("delta").as_object().if_contains("content")) {
      texts[index] += text->as_string();
    }
    if (!choice.at("finish_reason").is_null()) {
      EXPECT_TRUE(choice.at("delta").as_object().empty());
      reasons[index] += choice.at("finish_reason").as_string();
    }
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"ab", "c"}));
  EXPECT_EQ(reasons, (std::vector<std::string>{"stop", "length"}));
  EXPECT_TRUE(chunks.back().at("choices").as_array().empty());
  EXPECT_EQ(chunks.back().at("usage").at("completion_tokens"), 4);
  EXPECT_EQ(chunks.back().at("usage").at("prompt_tokens"), 7);
  EXPECT_EQ(record_->completion_tokens, 4);
}

TEST_F(ChatOutputTest, AFailureEndsTheStreamWithAnError) {
  const Script failing{
      {"a"}, engine::FinishReason::kError, Error(ErrorCode::kDataLoss, {.message = "broken"})};
  const std::string text = Stream(StreamChat({}, Head(), Ask({failing}), {}));
  EXPECT_NE(text.find("data: {\"error\":{\"message\":\"broken\""), std::string::npos);
  EXPECT_EQ(text.find("[DONE]"), std::string::npos);
  Reply reply = CollectChat({}, Head(), Ask({failing}), {});
  EXPECT_EQ(reply.later->Take()->status, 500);
}

}  // namespace
}  // namespace hyprstream::server
