// Answers that are held to a form: the grammar, its automaton, the tree of tokens, and a schema's
// texts as random walks write them.
#include "engine/constraint.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "engine/answer_form.h"
#include "engine/code_points.h"
#include "support/data.h"
#include "text/token_bytes.h"
#include "text/utf8.h"

namespace hyprstream::engine {
namespace {

bool Matches(GrammarAutomaton& automaton, std::string_view text) {
  GrammarAutomaton::State state = automaton.start();
  for (const char c : text) {
    state = automaton.Step(state, static_cast<unsigned char>(c));
    if (state == GrammarAutomaton::kDead) return false;
  }
  return automaton.complete(state);
}

GrammarAutomaton AutomatonOf(Grammar& grammar, Grammar::Symbols root) {
  grammar.SetRoot(grammar.Choice({std::move(root)}));
  return GrammarAutomaton(grammar);
}

TEST(GrammarAutomaton, CountsRepetitions) {
  Grammar grammar;
  GrammarAutomaton automaton = AutomatonOf(grammar, grammar.Repeat(grammar.Literal("ab"), 2, 4));
  std::string text;
  for (int times = 0; times <= 6; ++times, text += "ab") {
    EXPECT_EQ(Matches(automaton, text), times >= 2 && times <= 4) << times;
  }
  EXPECT_FALSE(Matches(automaton, "ababa"));
  EXPECT_FALSE(Matches(automaton, "ba"));
}

TEST(GrammarAutomaton, ReturnsFromRulesThatSpeakOfThemselves) {
  Grammar grammar;
  const Grammar::Symbol nested = grammar.NewRule();
  grammar.AddAlternative(nested, grammar.Literal("x"));
  grammar.AddAlternative(nested, Join({grammar.Literal("("), {nested}, grammar.Literal(")")}));
  GrammarAutomaton automaton = AutomatonOf(grammar, {nested});
  for (const size_t depth : {0, 1, 2, 50}) {
    const std::string opening(depth, '(');
    EXPECT_TRUE(Matches(automaton, opening + "x" + std::string(depth, ')'))) << depth;
    EXPECT_FALSE(Matches(automaton, opening + "x" + std::string(depth + 1, ')'))) << depth;
    if (depth > 0) {
      EXPECT_FALSE(Matches(automaton, opening + "x" + std::string(depth - 1, ')')));
    }
  }
}

TEST(GrammarAutomaton, NeverEntersWhatCannotEnd) {
  Grammar grammar;
  const Grammar::Symbol endless = grammar.NewRule();
  grammar.AddAlternative(endless, Join({grammar.Literal("a"), {endless}}));
  const Grammar::Symbol nothing = grammar.NewRule();
  GrammarAutomaton automaton =
      AutomatonOf(grammar, {grammar.Choice({{endless}, {nothing}, Join({grammar.Literal("b")})})});
  EXPECT_EQ(automaton.Step(automaton.start(), 'a'), GrammarAutomaton::kDead);
  const auto state = automaton.Step(automaton.start(), 'b');
  ASSERT_NE(state, GrammarAutomaton::kDead);
  EXPECT_TRUE(automaton.exhausted(state));
}

TEST(GrammarAutomaton, IsDeadFromTheStartWithoutAnyText) {
  Grammar grammar;
  const Grammar::Symbol endless = grammar.NewRule();
  grammar.AddAlternative(endless, {endless});
  EXPECT_EQ(AutomatonOf(grammar, {endless}).start(), GrammarAutomaton::kDead);
}

TEST(CodePoints, AreTheRangeAndNothingElse) {
  const CodePointRanges ranges =
      Without({{0x41, 0xD7FF}, {0xE000, 0x10FFFF}}, {0x43, 0x80, 0x20AC});
  Grammar grammar;
  GrammarAutomaton automaton = AutomatonOf(grammar, {OneOf(grammar, ranges)});
  for (uint32_t point = 0; point <= 0x10FFFF; point += point < 0x3000 ? 1 : 37) {
    if (point >= 0xD800 && point < 0xE000) continue;
    std::string text;
    text::AppendUtf8(text, point);
    const bool left_out = point < 0x41 || point == 0x43 || point == 0x80 || point == 0x20AC;
    ASSERT_EQ(Matches(automaton, text), !left_out) << std::hex << point;
  }
  for (const char* broken : {"\xED\xA0\x80", "\xC1\x81", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"}) {
    EXPECT_FALSE(Matches(automaton, broken));
  }
}

bool Fits(const AnswerForm& form, std::string_view text) {
  GrammarAutomaton automaton(GrammarOf(form));
  return Matches(automaton, text);
}

TEST(AnswerForm, LetsReasoningComeFirst) {
  AnswerForm form;
  EXPECT_TRUE(Fits(form, "{\"a\": [1, -2.5e3, \"\\u00e9\\n\", true, null, {}]}"));
  EXPECT_FALSE(Fits(form, "<think>x</think>{}"));
  form.reasoning = AnswerForm::Reasoning::kMayCome;
  EXPECT_TRUE(Fits(form, "{}"));
  EXPECT_TRUE(Fits(form, "<think>\nIs {} < </thin or <</think>\n\n{}"));
  EXPECT_FALSE(Fits(form, "<think>\nno end {}"));
  form.reasoning = AnswerForm::Reasoning::kInside;
  EXPECT_TRUE(Fits(form, "so </</think>{}"));
  EXPECT_FALSE(Fits(form, "{}"));
}

TEST(AnswerForm, LetsToolsBeCalledInstead) {
  AnswerForm form;
  EXPECT_FALSE(Fits(form, "<tool_call>anything"));
  form.tools = true;
  EXPECT_TRUE(Fits(form, "<tool_call>anything"));
  EXPECT_TRUE(Fits(form, "{}"));
}

class Tokens : public ::testing::TestWithParam<const char*> {
 protected:
  std::shared_ptr<const text::Tokenizer> tokenizer_ =
      text::Tokenizer::FromPath(testing::DataPath("fixtures/tokenizer") / GetParam());
};

TEST_P(Tokens, TreeHoldsEveryTokenOnce) {
  const auto trie = TokenTrie::Of(*tokenizer_);
  std::multiset<int32_t> found;
  std::string path;
  for (size_t i = 0; i < trie->nodes().size(); ++i) {
    const TokenTrie::Node& node = trie->nodes()[i];
    path.resize(node.depth - size_t{1});
    path += static_cast<char>(node.byte);
    for (const int32_t id : trie->TokensOf(i)) {
      found.insert(id);
      ASSERT_EQ(trie->BytesOf(id), path);
    }
  }
  std::multiset<int32_t> expected;
  for (int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    if (!tokenizer_->IsSpecial(id) && !text::TokenBytes(*tokenizer_, id).empty()) {
      expected.insert(id);
    }
  }
  EXPECT_EQ(found, expected);
}

TEST_P(Tokens, MaskIsWhatTheAutomatonSaysOfEachToken) {
  const auto trie = TokenTrie::Of(*tokenizer_);
  const Grammar grammar = GrammarOf({});
  Constraint constraint(grammar, trie);
  GrammarAutomaton automaton(grammar);
  for (const char* prefix : {"", "{", "{\"", "{\"a\": ", "{\"\xC3", "{\"a\": 1", "{}"}) {
    GrammarAutomaton::State from = automaton.start();
    for (const char* c = prefix; *c != 0; ++c) {
      from = automaton.Step(from, static_cast<unsigned char>(*c));
    }
    // The same states in the same order of making are not promised; walk the constraint too.
    Constraint::State state = constraint.start();
    for (const char* c = prefix; *c != 0; ++c) {
      int32_t byte = -1;
      for (int32_t id = 0; id < trie->vocab_size(); ++id) {
        if (trie->BytesOf(id) == std::string_view(c, 1)) byte = id;
      }
      if (byte < 0) GTEST_SKIP() << "no token for one byte";
      state = constraint.Advance(state, byte);
    }
    const auto mask = constraint.Allowed(state);
    for (int32_t id = 0; id < trie->vocab_size(); ++id) {
      GrammarAutomaton::State to = from;
      for (const char c : trie->BytesOf(id)) {
        to = automaton.Step(to, static_cast<unsigned char>(c));
      }
      const bool expected = !trie->BytesOf(id).empty() && to != GrammarAutomaton::kDead;
      const auto index = static_cast<size_t>(id);
      ASSERT_EQ(((*mask)[index / 64] >> (index % 64) & 1) != 0, expected) << prefix << " " << id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Tokens,
                         ::testing::Values("gpt2-mini", "llama3-mini", "llama2-mini",
                                           "mistral-mini"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(ConstraintCursor, LetsTheAnswerEndOnlyWhenItIsWhole) {
  const auto tokenizer =
      text::Tokenizer::FromPath(testing::DataPath("fixtures/tokenizer/gpt2-mini"));
  const auto trie = TokenTrie::Of(*tokenizer);
  Grammar grammar;
  grammar.SetRoot(
      grammar.Choice({Join({grammar.Literal("1"), {grammar.Optional(grammar.Literal("2"))}})}));
  ConstraintCursor cursor(std::make_shared<Constraint>(grammar, trie));
  const auto id_of = [&](std::string_view text) { return *tokenizer->IdOf(text); };
  const int32_t end = id_of("0");
  const auto allowed = [&] {
    std::vector<float> row(static_cast<size_t>(trie->vocab_size()) + 7, 1.0f);
    const std::vector<int32_t> ends{end};
    cursor.Mask(row, ends);
    std::set<int32_t> ids;
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i] > -std::numeric_limits<float>::infinity()) ids.insert(static_cast<int32_t>(i));
    }
    return ids;
  };
  std::set<int32_t> beginning = allowed();
  EXPECT_FALSE(beginning.contains(end));
  ASSERT_TRUE(beginning.contains(id_of("1")));
  cursor.Advance(id_of("1"));
  EXPECT_FALSE(cursor.exhausted());
  EXPECT_EQ(allowed(), (std::set<int32_t>{end, id_of("2")}));
  EXPECT_THROW(cursor.Advance(id_of("3")), Error);
  cursor.Advance(id_of("2"));
  EXPECT_TRUE(cursor.exhausted());
  EXPECT_EQ(allowed(), std::set<int32_t>{end});
}

TEST(Constraint, RefusesAFormWithoutTexts) {
  const auto tokenizer =
      text::Tokenizer::FromPath(testing::DataPath("fixtures/tokenizer/gpt2-mini"));
  ConstraintMaker maker(tokenizer);
  AnswerForm form{.kind = AnswerForm::Kind::kSchema, .schema = text::ParseJson(R"({"$ref": "#"})")};
  EXPECT_THROW(maker.Make(form), Error);
  form.schema = text::ParseJson(R"({"enum": [1]})");
  EXPECT_EQ(maker.Make(form), maker.Make(form)) << "what has been made is kept";
}

}  // namespace
}  // namespace hyprstream::engine
