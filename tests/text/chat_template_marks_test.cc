// Which bytes of a prompt may be read as control tokens: those the template wrote, none that came
// from the request.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "chat_template_fixtures.h"
#include "text/chat_template.h"
#include "text/json_value.h"

namespace hyprstream::text {
namespace {

using testing::Attempt;
using testing::InertParts;
using testing::LiveParts;
using testing::ReadFixtureLines;

const std::vector<std::string>& Templates() {
  static const std::vector<std::string> names = {"chatml",
                                                 "deepseekv3",
                                                 "gpt-oss",
                                                 "mistral-v1",
                                                 "mistral-v3-tekken",
                                                 "mistral-v7-tekken",
                                                 "phi3.5",
                                                 "qwen2.5",
                                                 "qwen3",
                                                 "qwen3-instruct-2507",
                                                 "qwen3.5",
                                                 "smollm2"};
  return names;
}

bool IsInert(const MarkedText& prompt, size_t begin, size_t end) {
  return std::any_of(prompt.inert.begin(), prompt.inert.end(),
                     [&](const MarkedText::Range& r) { return r.begin <= begin && end <= r.end; });
}

void ExpectOrderedRanges(const MarkedText& prompt) {
  size_t at = 0;
  bool first = true;
  for (const MarkedText::Range& range : prompt.inert) {
    ASSERT_LT(range.begin, range.end);
    ASSERT_TRUE(first || range.begin > at);
    ASSERT_LE(range.end, prompt.text.size());
    at = range.end;
    first = false;
  }
}

void CollectStrings(const Value& value, std::vector<std::string>& out) {
  if (value.is_string()) out.push_back(value.as_string());
  if (value.is_list()) {
    for (const Value& item : value.items()) CollectStrings(item, out);
  }
  if (value.is_object()) {
    for (const Value::Entry& entry : value.entries()) {
      CollectStrings(entry.key, out);
      CollectStrings(entry.value, out);
    }
  }
}

TEST(ChatTemplateMarks, TextOfTheRequestIsInertInEveryFixture) {
  size_t checked = 0;
  for (const Value& fixture : ReadFixtureLines("cases.jsonl")) {
    if (testing::IsHostile(fixture)) continue;
    const Attempt attempt = testing::RenderCase(fixture);
    if (!attempt.kind.empty()) continue;
    const MarkedText& prompt = attempt.prompt;
    ExpectOrderedRanges(prompt);
    const std::string source = testing::TemplateSource(fixture.Find("template")->as_string());
    std::vector<std::string> strings;
    CollectStrings(*fixture.Find("messages"), strings);
    CollectStrings(*fixture.Find("tools"), strings);
    for (const std::string& text : strings) {
      if (text.size() < 3 || source.find(text) != std::string::npos) continue;
      // Templates take reasoning out of these and write it anew.
      if (text.find("<think>") != std::string::npos || text.front() == '\n') continue;
      for (size_t at = prompt.text.find(text); at != std::string::npos;
           at = prompt.text.find(text, at + 1)) {
        EXPECT_TRUE(IsInert(prompt, at, at + text.size()))
            << fixture.Find("id")->as_string() << ": " << text;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1000u);
}

TEST(ChatTemplateMarks, WhatTheTemplateWroteIsLive) {
  for (const Value& fixture : ReadFixtureLines("cases.jsonl")) {
    const std::string& id = fixture.Find("id")->as_string();
    if (id != "qwen3/tool-round+tools" && id != "qwen3/multi") continue;
    const MarkedText prompt = testing::RenderCase(fixture).prompt;
    for (const std::string token : {"<|im_start|>", "<|im_end|>", "<tools>", "<tool_response>"}) {
      for (size_t at = prompt.text.find(token); at != std::string::npos;
           at = prompt.text.find(token, at + 1)) {
        for (const MarkedText::Range& range : prompt.inert) {
          EXPECT_TRUE(at + token.size() <= range.begin || range.end <= at) << id << " " << token;
        }
      }
    }
  }
}

TEST(ChatTemplateMarks, BeginAndEndTokensGivenAsArgumentsAreLiveAndOthersAreNot) {
  const ChatTemplate chat = ChatTemplate::Compile("{{ bos_token }}{{ mode }}{{ eos_token }}");
  ChatInput input;
  input.kwargs = Value::Object({{"bos_token", Value::String("<s>")},
                                {"eos_token", Value::String("</s>")},
                                {"mode", Value::String("<x>")}});
  const MarkedText prompt = chat.Render(input);
  EXPECT_EQ(prompt.text, "<s><x></s>");
  EXPECT_EQ(InertParts(prompt), std::vector<std::string>{"<x>"});
}

std::string WithComets(std::string text) {
  for (size_t at = text.find("\u2603"); at != std::string::npos; at = text.find("\u2603", at)) {
    text.replace(at, 3, "\u2604");
  }
  return text;
}

TEST(ChatTemplateMarks, ControlTokensInMessagesNeverComeOutLive) {
  std::vector<ChatTemplate> compiled;
  for (const std::string& name : Templates()) {
    compiled.push_back(ChatTemplate::Compile(testing::TemplateSource(name + ".jinja")));
  }
  // The snowman, which the assistant says as a comet, is in no template: what stands between two
  // of a kind came from one message.
  const std::vector<std::string> pieces = {"\u2603<|im_end|>\u2603",
                                           "\u2603<|im_start|>\u2603",
                                           "\u2603</s>\u2603",
                                           "\u2603[/INST]\u2603",
                                           "\u2603<|end|>\u2603",
                                           "\u2603</think>\u2603",
                                           "<think>",
                                           " ",
                                           "\n",
                                           "a"};
  EXPECT_TRUE(rc::check("control tokens in messages are inert", [&] {
    const auto text = [&](bool assistant) {
      std::string out;
      for (const size_t i :
           *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, pieces.size()))) {
        out += pieces[i];
      }
      return assistant ? WithComets(out) : out;
    };
    ChatInput input;
    std::vector<Value> messages;
    const size_t turns = *rc::gen::inRange<size_t>(1, 4);
    for (size_t i = 0; i < turns; ++i) {
      const char* role = i % 2 == 0 ? "user" : "assistant";
      messages.push_back(Value::Object(
          {{"role", Value::String(role)}, {"content", Value::String(text(i % 2 == 1))}}));
    }
    input.messages = Value::List(std::move(messages));
    input.add_generation_prompt = turns % 2 == 1;
    input.kwargs =
        Value::Object({{"bos_token", Value::String("<s>")}, {"eos_token", Value::String("</s>")}});
    for (const ChatTemplate& chat : compiled) {
      MarkedText prompt;
      try {
        prompt = chat.Render(input);
      } catch (const TemplateError&) {
        continue;
      }
      for (const std::string& part : LiveParts(prompt)) {
        RC_ASSERT(part.find("\u2603") == std::string::npos);
        RC_ASSERT(part.find("\u2604") == std::string::npos);
      }
      for (size_t i = 0; i < 5; ++i) {
        for (const std::string& piece : {pieces[i], WithComets(pieces[i])}) {
          for (size_t at = prompt.text.find(piece); at != std::string::npos;
               at = prompt.text.find(piece, at + 1)) {
            RC_ASSERT(IsInert(prompt, at, at + piece.size()));
          }
        }
      }
    }
  }));
}

struct MarkCase {
  const char* source;
  const char* text;
  std::vector<std::string> inert;
};

TEST(ChatTemplateMarks, EveryOperationCarriesTheMarksAlong) {
  const Value variables =
      Value::Object({{"x", Value::String("ab<c>").AsInput()},
                     {"n", Value::Int(7).AsInput()},
                     {"l", Value::List({Value::String("p"), Value::String("q")}).AsInput()},
                     {"o", Value::Object({{"k", Value::String("v")}}).AsInput()}});
  const std::vector<MarkCase> cases = {
      {"[{{ x }}]", "[ab<c>]", {"ab<c>"}},
      {"{{ '[' + x + ']' }}", "[ab<c>]", {"ab<c>"}},
      {"{{ '[' ~ x ~ n ~ ']' }}", "[ab<c>7]", {"ab<c>7"}},
      {"{{ ('[' + x + ']')[1:3] }}", "ab", {"ab"}},
      {"{{ ('[' + x + ']')[::-1] }}", "]>c<ba[", {">c<ba"}},
      {"{{ ('[' + x + ']')[0] }}", "[", {}},
      {"{{ (' ' + x + ' ') | trim }}", "ab<c>", {"ab<c>"}},
      {"{{ ('-' + x).upper() }}", "-AB<C>", {"AB<C>"}},
      {"{{ ('-' + x) | title }}", "-Ab<C>", {"Ab<C>"}},
      {"{{ x.replace('b', '-') }}", "a-<c>", {"a", "<c>"}},
      {"{{ 'a-b' | replace('-', x) }}", "aab<c>b", {"ab<c>"}},
      {"{{ ('1,' + x).split(',')[1] }}", "ab<c>", {"ab<c>"}},
      {"{{ x.split('<')[1] }}", "c>", {"c>"}},
      {"{{ ['1', x] | join('-') }}", "1-ab<c>", {"ab<c>"}},
      {"{{ l | join('-') }}", "p-q", {"p", "q"}},
      {"{{ '-'.join(l) }}", "p-q", {"p", "q"}},
      {"{{ ('-' + x) * 2 }}", "-ab<c>-ab<c>", {"ab<c>", "ab<c>"}},
      {"{{ x * 2 }}{{ 2 * x[:1] }}", "ab<c>ab<c>aa", {"ab<c>ab<c>aa"}},
      {"{{ x | tojson }}", "\"ab<c>\"", {"\"ab<c>\""}},
      {"{{ {'k': x} | tojson }}", "{\"k\": \"ab<c>\"}", {"\"ab<c>\""}},
      {"{{ o | tojson }}", "{\"k\": \"v\"}", {"{\"k\": \"v\"}"}},
      {"{{ o }}", "{'k': 'v'}", {"{'k': 'v'}"}},
      {"{{ [x, 1] }}", "['ab<c>', 1]", {"'ab<c>'"}},
      {"{{ '%s|%5d' % (x, n) }}", "ab<c>|    7", {"ab<c>", "7"}},
      {"{{ '{}|{:>3}'.format(x, n) }}", "ab<c>|  7", {"ab<c>", "7"}},
      {"{{ (x + '\\n' + x) | indent(2) }}", "ab<c>\n  ab<c>", {"ab<c>\n", "ab<c>"}},
      {"{{ x | escape }}", "ab&lt;c&gt;", {"ab&lt;c&gt;"}},
      {"{{ x | center(9) }}", "  ab<c>  ", {"ab<c>"}},
      {"{{ x | list }}", "['a', 'b', '<', 'c', '>']", {"['a', 'b', '<', 'c', '>']"}},
      {"{{ l | map('upper') | join }}", "PQ", {"PQ"}},
      {"{{ n + 1 }}", "8", {"8"}},
      {"{{ n | string }}{{ -n }}{{ n | abs }}{{ '3' | int }}", "7-773", {"7-77"}},
      {"{{ x | length }}{{ x == 'q' }}", "5False", {}},
      {"{% for c in x %}{{ c }}.{% endfor %}", "a.b.<.c.>.", {"a", "b", "<", "c", ">"}},
      {"{% for k, v in o.items() %}{{ k }}={{ v }}{% endfor %}", "k=v", {"k", "v"}},
      {"{% for k in o %}{{ k }}.{{ o[k] }}{% endfor %}", "k.v", {"k", "v"}},
      {"{% set y %}({{ x }}){% endset %}{{ y }}", "(ab<c>)", {"ab<c>"}},
      {"{% macro f(a) %}({{ a }}){% endmacro %}{{ f(x) | upper }}", "(AB<C>)", {"AB<C>"}},
      {"{% set ns = namespace(a='') %}{% set ns.a = ns.a + x %}{{ ns.a }}", "ab<c>", {"ab<c>"}},
      {"{{ x | wordwrap(3, true, '|') }}", "ab<|c>", {"ab<", "c>"}},
      {"{{ x | truncate(4, true, '.', 0) }}", "ab<.", {"ab<"}},
      {"{{ x | urlencode }}", "ab%3Cc%3E", {"ab%3Cc%3E"}},
      {"{{ x.encode().decode() }}", "ab<c>", {"ab<c>"}},
      {"{{ x.partition('<')[2] }}", "c>", {"c>"}},
      {"{{ dict(a=x).a }}{{ (l | sort | first) }}{{ l | last }}", "ab<c>pq", {"ab<c>pq"}},
      {"{{ l | groupby(0) | map('first') | join }}", "pq", {"pq"}},
      {"{{ (x, x) | unique | join }}{{ o | dictsort }}",
       "ab<c>[('k', 'v')]",
       {"ab<c>[('k', 'v')]"}},
      {"{{ x | pprint }}{{ x | safe }}", "'ab<c>'ab<c>", {"'ab<c>'ab<c>"}},
  };
  for (const MarkCase& c : cases) {
    const Attempt attempt = testing::RenderVariables(c.source, variables);
    EXPECT_EQ(attempt.kind, "") << c.source << "\n" << attempt.message;
    EXPECT_EQ(attempt.prompt.text, c.text) << c.source;
    EXPECT_EQ(InertParts(attempt.prompt), c.inert) << c.source;
    ExpectOrderedRanges(attempt.prompt);
  }
}

TEST(ChatTemplateMarks, RenderingAgainAndFromTwoThreadsGivesTheSamePrompt) {
  for (const Value& fixture : ReadFixtureLines("cases.jsonl")) {
    if (!fixture.Find("id")->as_string().starts_with("qwen3.5/tool")) continue;
    const ChatTemplate chat =
        ChatTemplate::Compile(testing::TemplateSource(fixture.Find("template")->as_string()));
    const ChatInput input = testing::InputOf(fixture);
    const auto render = [&]() -> MarkedText {
      try {
        return chat.Render(input);
      } catch (const TemplateError& error) {
        return {.text = error.detail().message, .inert = {}};
      }
    };
    const MarkedText first = render();
    std::vector<MarkedText> results(2);
    std::vector<std::thread> threads;
    for (MarkedText& result : results) {
      threads.emplace_back([&render, &result] {
        for (int i = 0; i < 20; ++i) result = render();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const MarkedText& result : results) {
      EXPECT_EQ(result.text, first.text);
      EXPECT_EQ(result.inert, first.inert);
    }
  }
}

}  // namespace
}  // namespace hyprstream::text
