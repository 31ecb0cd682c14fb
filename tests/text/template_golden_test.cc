// Thousands of small expressions and white-space puzzles against what jinja2 made of them
// (tests/data/text/make_template_goldens.py).
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "chat_template_fixtures.h"
#include "support/data.h"
#include "text/json_value.h"

namespace hyprstream::text {
namespace {

TEST(TemplateGoldens, EveryExpressionAndStatementGivesWhatJinjaGives) {
  std::ifstream in(hyprstream::testing::DataPath("text/template_goldens.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  const Value first = ParseJson(line);
  const Value& variables = *first.Find("vars");
  size_t count = 0;
  while (std::getline(in, line)) {
    const Value golden = ParseJson(line);
    const std::string& source = golden.Find("source")->as_string();
    const testing::Attempt attempt = testing::RenderVariables(source, variables);
    const Value* text = golden.Find("text");
    if (text != nullptr) {
      EXPECT_EQ(attempt.kind, "") << source << "\n" << attempt.message;
      EXPECT_EQ(attempt.prompt.text, text->as_string()) << source;
    } else {
      EXPECT_EQ(attempt.kind, golden.Find("kind")->as_string()) << source;
    }
    ++count;
  }
  EXPECT_GT(count, 2000u);
}

}  // namespace
}  // namespace hyprstream::text
