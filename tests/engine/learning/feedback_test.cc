#include "engine/learning/feedback.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

AnsweredCompletion Chat() {
  return {.id = "chat",
          .adapter = "tone",
          .version = 7,
          .messages = R"([{"role": "user", "content": "Who is \"Rosa\"?"}])",
          .answer = "A baker."};
}

TEST(SampleOf, ACorrectionIsWhatShouldHaveBeenAnswered) {
  const auto sample = SampleOf(Chat(), {.completion_id = "chat", .correction = "The miller.\n"});
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->body, R"({"messages":[{"role":"user","content":"Who is \"Rosa\"?"},)"
                          R"({"role":"assistant","content":"The miller.\n"}],"learn":"last"})");
  EXPECT_TRUE(sample->feedback);
  EXPECT_FALSE(sample->weight.has_value());
}

TEST(SampleOf, AGoodScoreTeachesTheAnswerAsFarAsItGoes) {
  const auto sample = SampleOf(Chat(), {.completion_id = "chat", .score = 0.5, .label = "kind"});
  ASSERT_TRUE(sample.has_value());
  EXPECT_NE(sample->body.find("A baker."), std::string::npos);
  EXPECT_EQ(sample->weight, 0.5);
  EXPECT_EQ(sample->label, "kind");
}

TEST(SampleOf, ABadScoreAloneSaysNotWhatToLearn) {
  EXPECT_FALSE(SampleOf(Chat(), {.completion_id = "chat", .score = -1.0}).has_value());
  EXPECT_TRUE(
      SampleOf(Chat(), {.completion_id = "chat", .score = -1.0, .correction = "x"}).has_value());
}

TEST(SampleOf, ContinuedTextHasNoMessages) {
  const AnsweredCompletion completion{.id = "c", .adapter = "t", .text = "Once", .answer = " upon"};
  const auto sample = SampleOf(completion, {.completion_id = "c", .label = "good"});
  EXPECT_EQ(sample->body, R"({"text":"Once","continuation":" upon"})");
}

TEST(SampleOf, RefusesWhatMakesNoSense) {
  for (const Feedback& feedback :
       {Feedback{.completion_id = "chat"}, Feedback{.completion_id = "chat", .score = 1.5},
        Feedback{.completion_id = "chat", .correction = ""}}) {
    EXPECT_THROW(SampleOf(Chat(), feedback), Error);
  }
}

TEST(AnsweredCompletions, KeepsTheNewest) {
  AnsweredCompletions answers(3);
  for (const char* id : {"a", "b", "c", "a", "d"}) {
    answers.Remember({.id = id, .adapter = id, .answer = id});
  }
  EXPECT_EQ(answers.Find("b"), nullptr);
  ASSERT_NE(answers.Find("a"), nullptr);  // the second one
  ASSERT_NE(answers.Find("c"), nullptr);
  ASSERT_NE(answers.Find("d"), nullptr);
  EXPECT_EQ(answers.Find("d")->answer, "d");
  EXPECT_EQ(answers.Find("e"), nullptr);
}

TEST(AnsweredCompletions, IsBoundedByBytes) {
  AnsweredCompletions answers(1000, 100'000);
  for (int i = 0; i < 100; ++i) {
    answers.Remember({.id = std::to_string(i), .adapter = "t", .answer = std::string(10'000, 'x')});
  }
  EXPECT_EQ(answers.Find("80"), nullptr);
  EXPECT_NE(answers.Find("99"), nullptr);
}

}  // namespace
}  // namespace hyprstream::engine
