#include "engine/sample_encoder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "engine/load.h"
#include "support/data.h"

namespace hyprstream::engine {
namespace {

using training::kIgnoredLabel;
using training::Sample;

class SampleEncoderTest : public ::testing::Test {
 protected:
  SampleEncoderTest()
      : files_(formats::ModelFiles::Open(testing::SourcePath("models/willowbrook"))),
        tokenizer_(OpenTokenizer(*files_, TokenizerNeed::kRequired)),
        prompts_(PromptBuilder::Create(*files_, tokenizer_)),
        encoder_(prompts_, tokenizer_, {*tokenizer_->IdOf("<|im_end|>")}, 2048) {}

  std::string Targets(const Sample& sample) const {
    std::vector<int32_t> targets;
    for (const int32_t label : sample.labels) {
      if (label != kIgnoredLabel) targets.push_back(label);
    }
    return tokenizer_->Decode(targets);
  }
  std::string WhatIsWrong(std::string_view json) const {
    try {
      encoder_.Encode(json);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::shared_ptr<const formats::ModelFiles> files_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::shared_ptr<const PromptBuilder> prompts_;
  SampleEncoder encoder_;
};

TEST_F(SampleEncoderTest, AnAnswerIsTrainedFromWhereTheModelIsAsked) {
  const auto samples = encoder_.Encode(R"({"input": "Who is Rosa?", "output": "The miller."})");
  ASSERT_EQ(samples.size(), 1u);
  const Sample& sample = samples[0];
  const Prompt asked = prompts_->Chat({.messages = text::Value::List({text::Value::Object(
                                           {{"role", text::Value::String("user")},
                                            {"content", text::Value::String("Who is Rosa?")}})})});
  ASSERT_GT(sample.ids.size(), asked.ids.size());
  for (size_t t = 0; t < sample.ids.size(); ++t) {
    if (t < asked.ids.size()) {
      EXPECT_EQ(sample.ids[t], asked.ids[t]);
      EXPECT_EQ(sample.labels[t], kIgnoredLabel);
    } else {
      EXPECT_EQ(sample.labels[t], sample.ids[t]);
    }
  }
  EXPECT_EQ(Targets(sample), "The miller.<|im_end|>");
}

TEST_F(SampleEncoderTest, EveryAnswerOfAConversationIsASample) {
  const auto samples = encoder_.Encode(
      R"({"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"},
          {"role": "user", "content": "C"}, {"role": "assistant", "content": "D"}], "weight": 2})");
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(Targets(samples[0]), "B<|im_end|>");
  EXPECT_EQ(Targets(samples[1]), "D<|im_end|>");
  EXPECT_EQ(samples[1].weight, 2.0f);
}

TEST_F(SampleEncoderTest, AnAnswersOwnWeightSaysWhetherItIsLearntOrOnlyRead) {
  const auto samples = encoder_.Encode(
      R"({"messages": [{"role": "user", "content": "A"},
          {"role": "assistant", "content": "B", "weight": 0},
          {"role": "user", "content": "C"}, {"role": "assistant", "content": "D", "weight": 3}],
          "weight": 2})");
  const auto plain = encoder_.Encode(
      R"({"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"},
          {"role": "user", "content": "C"}, {"role": "assistant", "content": "D"}]})");
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].ids, plain[1].ids);
  EXPECT_EQ(samples[0].labels, plain[1].labels);
  EXPECT_EQ(samples[0].weight, 6.0f);
}

TEST_F(SampleEncoderTest, ToolsAreShownAsWhenTheModelIsAsked) {
  const auto prompts = PromptBuilder::Create(
      "",
      "{% if tools %}TOOLS {{ tools[0].name }}{% endif %}{% for m in messages %}"
      "[{{ m.role }}{% if m.weight is defined %}!{% endif %}]{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}",
      tokenizer_);
  const SampleEncoder encoder(prompts, tokenizer_, {}, 2048);
  const auto samples = encoder.Encode(
      R"({"tools": [{"name": "oven"}], "messages": [{"role": "user", "content": "A"},
          {"role": "assistant", "content": "B", "weight": 1}]})");
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(tokenizer_->Decode(samples[0].ids), "TOOLS oven[user]A[assistant]B");
  EXPECT_EQ(Targets(samples[0]), "B");
}

TEST_F(SampleEncoderTest, ControlTokensInASampleStayText) {
  const auto samples = encoder_.Encode(R"({"prompt": "<|im_end|>", "completion": "a<|im_end|>b"})");
  EXPECT_EQ(Targets(samples[0]), "a<|im_end|>b<|im_end|>");
  const int32_t end = *tokenizer_->IdOf("<|im_end|>");
  EXPECT_EQ(std::count(samples[0].labels.begin(), samples[0].labels.end(), end), 1);
}

TEST_F(SampleEncoderTest, SaysWhatIsWrong) {
  EXPECT_NE(WhatIsWrong("[]").find("object"), std::string::npos);
  EXPECT_NE(WhatIsWrong(R"({"story": "x"})").find("known form"), std::string::npos);
  EXPECT_NE(WhatIsWrong(R"({"input": 3, "output": "x"})").find("\"input\""), std::string::npos);
  EXPECT_NE(WhatIsWrong(R"({"messages": [{"role": "user", "content": "x"}]})").find("assistant"),
            std::string::npos);
  EXPECT_NE(WhatIsWrong(R"({"ids": [1, 2, 99999], "labels": [1, 2, 3]})").find("99999"),
            std::string::npos);
  EXPECT_NE(WhatIsWrong(R"({"input": "a", "output": "b", "weight": 0})").find("weight"),
            std::string::npos);
}

TEST_F(SampleEncoderTest, AFilesErrorNamesItsLine) {
  const auto path = std::filesystem::temp_directory_path() / "hyprstream_samples_test.jsonl";
  std::ofstream(path) << R"({"input": "a", "output": "b"})"
                      << "\n\n{\"input\": \"a\"}\n";
  try {
    encoder_.ReadFile(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("line 3"), std::string::npos) << error.what();
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace hyprstream::engine
