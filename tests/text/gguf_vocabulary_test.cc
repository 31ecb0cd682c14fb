// A vocabulary written for GGUF: what llama.cpp's converter writes, and the same ids when it is
// read again.
#include "text/gguf_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "formats/gguf.h"
#include "formats/support.h"
#include "support/data.h"
#include "text/fixture_tokenizers.h"

namespace hyprstream::text {
namespace {

using testing::DataPath;

std::string JsonOf(const std::string& name) {
  const std::string file = "fixtures/tokenizer/" + name + "/tokenizer.json";
  return ReadFixture(std::filesystem::exists(DataPath(file)) ? file : file + ".gz");
}

/// What is written of a fixture's tokenizer, in a file of its own.
class Written {
 public:
  explicit Written(const std::string& name, TokenizerConfig config = {}, int64_t extra = 0)
      : json_(JsonOf(name)) {
    fields_ = GgufVocabulary({.tokenizer_json = json_,
                              .where = name,
                              .config = std::move(config),
                              .vocab_size = FixtureTokenizer(name)->vocab_size() + extra});
    formats::WriteGguf(folder_ / "vocab.gguf", fields_, {});
    file_ = formats::GgufFile::Open(folder_ / "vocab.gguf");
  }
  const formats::GgufFile& file() const { return *file_; }
  template <typename T>
  const T& Field(const std::string& key) const {
    const auto found = std::ranges::find(fields_, "tokenizer.ggml." + key,
                                         [](const auto& field) { return field.first; });
    EXPECT_NE(found, fields_.end()) << key;
    return std::get<T>(found->second);
  }

 private:
  const testing::TemporaryFolder folder_;
  const std::string json_;
  std::vector<std::pair<std::string, formats::GgufField>> fields_;
  std::shared_ptr<const formats::GgufFile> file_;
};

class GgufVocabularyOf : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufVocabularyOf, ReadAgainGivesTheSameIdsAndText) {
  const Written written(GetParam());
  const auto again = Tokenizer::FromGguf(written.file());
  const auto tokenizer = FixtureTokenizer(GetParam());
  EXPECT_EQ(again->vocab_size(), tokenizer->vocab_size());
  for (const auto& row : ReadRows("fixtures/tokenizer/text.jsonl")) {
    const std::string text(row.at("text").as_string());
    for (const SpecialText special : {SpecialText::kParse, SpecialText::kPlain}) {
      const EncodeOptions options{.special_text = special, .add_special = true};
      ASSERT_EQ(again->Encode(text, options), tokenizer->Encode(text, options)) << text;
    }
  }
  for (TokenId id = 0; id < tokenizer->vocab_size(); ++id) {
    ASSERT_EQ(again->IsSpecial(id), tokenizer->IsSpecial(id)) << id;
    ASSERT_EQ(again->Decode(std::vector{id}), tokenizer->Decode(std::vector{id})) << id;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GgufVocabularyOf,
                         ::testing::Values("gpt2-mini", "llama3-mini", "qwen3", "smollm2"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GgufVocabulary, IsWhatTheConverterWrites) {
  for (const std::string name : {"gpt2-mini", "llama3-mini"}) {
    SCOPED_TRACE(name);
    const auto golden =
        formats::GgufFile::Open(DataPath("fixtures/tokenizer/" + name + "/vocab.gguf"));
    const auto id = [&](const char* key) { return *golden->GetUint(key); };
    const auto tokenizer = FixtureTokenizer(name);
    const auto spelled = [&](const char* key) {
      return std::string(tokenizer->Spelling(static_cast<TokenId>(id(key))));
    };
    const Written written(
        name, {.special_tokens = {{"bos_token", spelled("tokenizer.ggml.bos_token_id")},
                                  {"eos_token", spelled("tokenizer.ggml.eos_token_id")}}});
    size_t compared = 0;
    for (const auto& [key, value] : golden->metadata()) {
      if (!key.starts_with("tokenizer.")) continue;
      const formats::GgufValue* got = written.file().Get(key);
      ASSERT_NE(got, nullptr) << key;
      EXPECT_EQ(got->type, value.type) << key;
      EXPECT_EQ(got->element_type, value.element_type) << key;
      EXPECT_TRUE(got->value == value.value) << key;
      ++compared;
    }
    EXPECT_EQ(compared, 8u);
  }
}

TEST(GgufVocabulary, SmolLm2IsNamedAndTypedAsItsPublishedFile) {
  const Written written("smollm2", {.chat_template = "{{ messages }}",
                                    .special_tokens = {{"bos_token", "<|im_start|>"},
                                                       {"eos_token", "<|im_end|>"},
                                                       {"unk_token", "<|endoftext|>"},
                                                       {"pad_token", "<|im_end|>"}}});
  EXPECT_EQ(written.Field<std::string>("model"), "gpt2");
  EXPECT_EQ(written.Field<std::string>("pre"), "smollm");
  const auto& tokens = written.Field<std::vector<std::string>>("tokens");
  ASSERT_EQ(tokens.size(), 49152u);
  EXPECT_EQ(tokens[2], "<|im_end|>");
  EXPECT_EQ(tokens[49151], "ectable");
  const auto& merges = written.Field<std::vector<std::string>>("merges");
  ASSERT_EQ(merges.size(), 48900u);
  EXPECT_EQ(merges.front(), "Ġ t");
  EXPECT_EQ(merges.back(), "ect able");
  EXPECT_EQ(written.Field<uint32_t>("bos_token_id"), 1u);
  EXPECT_EQ(written.Field<uint32_t>("eos_token_id"), 2u);
  EXPECT_EQ(written.Field<uint32_t>("unknown_token_id"), 0u);
  EXPECT_EQ(written.Field<uint32_t>("padding_token_id"), 2u);
  EXPECT_FALSE(written.Field<bool>("add_bos_token"));
  const auto& types = written.Field<std::vector<int32_t>>("token_type");
  EXPECT_EQ(types[7], 3);
  EXPECT_EQ(types[49151], 1);
  EXPECT_EQ(*written.file().GetString("tokenizer.chat_template"), "{{ messages }}");
}

TEST(GgufVocabulary, IdsWithoutATokenAreUnused) {
  const Written written("gpt2-mini", {}, 3);
  const auto& tokens = written.Field<std::vector<std::string>>("tokens");
  const auto& types = written.Field<std::vector<int32_t>>("token_type");
  const size_t known = tokens.size() - 3;
  EXPECT_EQ(tokens.back(), "[PAD" + std::to_string(known + 2) + "]");
  EXPECT_EQ(types.back(), 5);
  EXPECT_NE(types[known - 1], 5);
}

TEST(GgufVocabulary, RolesThatEndAnAnswerComeInOrder) {
  const std::string json = JsonOf("gpt2-mini");
  const auto fields = GgufVocabulary({.tokenizer_json = json,
                                      .where = "gpt2-mini",
                                      .eos_ids = {7, 9, 7, 11, 13},
                                      .bos_id = 5,
                                      .vocab_size = 2000});
  std::vector<std::pair<std::string, uint32_t>> ids;
  for (const auto& [key, value] : fields) {
    if (const auto* id = std::get_if<uint32_t>(&value)) ids.emplace_back(key, *id);
  }
  const std::vector<std::pair<std::string, uint32_t>> expected = {
      {"tokenizer.ggml.eos_token_id", 7},
      {"tokenizer.ggml.eot_token_id", 9},
      {"tokenizer.ggml.eom_token_id", 11},
      {"tokenizer.ggml.bos_token_id", 5}};
  EXPECT_EQ(ids, expected);
}

TEST(GgufVocabulary, WhatGgufCannotSayIsRefused) {
  const auto code = [](const std::string& json, int64_t size) {
    return testing::ErrorOf([&] {
             GgufVocabulary({.tokenizer_json = json, .where = "here", .vocab_size = size});
           })
        ->code();
  };
  EXPECT_EQ(code(JsonOf("llama2-mini"), 1 << 20), ErrorCode::kUnsupported);
  EXPECT_EQ(code(JsonOf("mistral-mini"), 1 << 20), ErrorCode::kUnsupported);
  EXPECT_EQ(code(JsonOf("gpt2-mini"), 100), ErrorCode::kUnsupported);
  std::string composed = JsonOf("gpt2-mini");
  const std::string none = "\"normalizer\":null";
  composed.erase(std::remove(composed.begin(), composed.end(), '\n'), composed.end());
  const size_t at = composed.find("\"normalizer\"");
  ASSERT_NE(at, std::string::npos);
  const size_t end = composed.find(',', at);
  composed.replace(at, end - at, "\"normalizer\":{\"type\":\"NFC\"}");
  EXPECT_EQ(code(composed, 1 << 20), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace hyprstream::text
