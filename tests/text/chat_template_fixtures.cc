#include "chat_template_fixtures.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>

#include "support/data.h"
#include "text/json_value.h"

namespace hyprstream::text::testing {
namespace {

constexpr std::string_view kFolder = "fixtures/chat-templates/";
constexpr std::string_view kDefaultClock = "2025-03-09T14:05:06";

std::string ReadAll(std::string_view file) {
  std::ifstream in(hyprstream::testing::DataPath(std::string(kFolder) + std::string(file)),
                   std::ios::binary);
  EXPECT_TRUE(in.good()) << file;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Attempt Try(const std::function<MarkedText()>& render) {
  try {
    return {.prompt = render(), .kind = "", .message = ""};
  } catch (const TemplateError& error) {
    return {.prompt = {},
            .kind = std::string(TemplateErrorKindName(error.kind())),
            .message = error.detail().message};
  }
}

}  // namespace

std::vector<Value> ReadFixtureLines(std::string_view file) {
  const std::string all = ReadAll(file);
  std::vector<Value> values;
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = all.find('\n', begin);
    values.push_back(ParseJson(std::string_view(all).substr(begin, end - begin), file));
    begin = end + 1;
  }
  return values;
}

std::string TemplateSource(std::string_view file) { return ReadAll(file); }

bool IsHostile(const Value& fixture) {
  return fixture.Find("id")->as_string().starts_with("hostile/");
}

int64_t ClockOf(std::string_view iso) {
  std::tm t{};
  EXPECT_NE(strptime(std::string(iso).c_str(), "%Y-%m-%dT%H:%M:%S", &t), nullptr);
  return timegm(&t);
}

ChatInput InputOf(const Value& fixture) {
  ChatInput input;
  input.messages = *fixture.Find("messages");
  input.tools = *fixture.Find("tools");
  input.add_generation_prompt = fixture.Find("add_generation_prompt")->as_bool();
  const Value* proceed = fixture.Find("continue_final_message");
  input.continue_final_message = proceed != nullptr && proceed->as_bool();
  input.kwargs = *fixture.Find("kwargs");
  const Value* now = fixture.Find("now");
  input.now = ClockOf(now != nullptr ? std::string_view(now->as_string()) : kDefaultClock);
  return input;
}

Attempt RenderCase(const Value& fixture, const TemplateLimits& limits) {
  const std::string source = TemplateSource(fixture.Find("template")->as_string());
  return Try([&] { return ChatTemplate::Compile(source, limits).Render(InputOf(fixture)); });
}

Attempt RenderVariables(std::string_view source, const Value& variables,
                        const TemplateLimits& limits) {
  return Try([&] {
    return ChatTemplate::Compile(source, limits).RenderVariables(variables, ClockOf(kDefaultClock));
  });
}

std::string Print(std::string_view source, const Value& variables) {
  const Attempt attempt = RenderVariables(source, variables);
  EXPECT_EQ(attempt.kind, "") << source << "\n" << attempt.message;
  return attempt.prompt.text;
}

std::vector<std::string> InertParts(const MarkedText& prompt) {
  std::vector<std::string> parts;
  for (const MarkedText::Range& range : prompt.inert) {
    parts.push_back(prompt.text.substr(range.begin, range.end - range.begin));
  }
  return parts;
}

std::vector<std::string> LiveParts(const MarkedText& prompt) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (const MarkedText::Range& range : prompt.inert) {
    parts.push_back(prompt.text.substr(at, range.begin - at));
    at = range.end;
  }
  parts.push_back(prompt.text.substr(at));
  return parts;
}

}  // namespace hyprstream::text::testing
