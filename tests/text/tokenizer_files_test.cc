// A vocabulary of GGUF written as tokenizer.json: the same ids and the same text.
#include "text/tokenizer_files.h"

#include <gtest/gtest.h>

#include "formats/support.h"
#include "support/data.h"
#include "text/fixture_tokenizers.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer_config.h"

namespace hyprstream::text {
namespace {

using testing::DataPath;

std::string JsonOf(const std::string& name) {
  const std::string file = "fixtures/tokenizer/" + name + "/tokenizer.json";
  return ReadFixture(std::filesystem::exists(DataPath(file)) ? file : file + ".gz");
}

void ExpectSame(const Tokenizer& got, const Tokenizer& expected) {
  for (const auto& row : ReadRows("fixtures/tokenizer/text.jsonl")) {
    const std::string text(row.at("text").as_string());
    // Hugging Face reads the unknown token where it is written; SentencePiece takes it for text.
    if (text.find("<unk>") != std::string::npos) continue;
    for (const SpecialText special : {SpecialText::kParse, SpecialText::kPlain}) {
      const EncodeOptions options{.special_text = special, .add_special = true};
      const std::vector<TokenId> ids = expected.Encode(text, options);
      ASSERT_EQ(got.Encode(text, options), ids) << text;
      ASSERT_EQ(got.Decode(ids), expected.Decode(ids)) << text;
      ASSERT_EQ(got.Decode(ids, true), expected.Decode(ids, true)) << text;
    }
  }
}

class TokenizerFilesFrom : public ::testing::TestWithParam<const char*> {};

TEST_P(TokenizerFilesFrom, AWrittenVocabularyGivesTheSameIdsAndText) {
  const std::string json = JsonOf(GetParam());
  const auto original = FixtureTokenizer(GetParam());
  const testing::TemporaryFolder folder;
  // Two unused ids at the end, as models have that round their vocabulary up.
  formats::WriteGguf(
      folder / "vocab.gguf",
      GgufVocabulary(
          {.tokenizer_json = json, .where = GetParam(), .vocab_size = original->vocab_size() + 2}),
      {});
  const auto files = TokenizerFilesOf(*formats::GgufFile::Open(folder / "vocab.gguf"));
  ASSERT_TRUE(files);
  const auto again = Tokenizer::FromJson(files->tokenizer_json, "written");
  EXPECT_EQ(again->vocab_size(), original->vocab_size());
  ExpectSame(*again, *original);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TokenizerFilesFrom,
                         ::testing::Values("gpt2-mini", "llama3-mini", "qwen3", "smollm2"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(TokenizerFiles, ASentencePieceVocabularyGivesTheSameIdsAndText) {
  const auto file = formats::GgufFile::Open(DataPath("fixtures/tokenizer/spm-mini/vocab.gguf"));
  const auto files = TokenizerFilesOf(*file);
  ASSERT_TRUE(files);
  ExpectSame(*Tokenizer::FromJson(files->tokenizer_json, "written"), *FixtureGguf("spm-mini"));
}

TEST(TokenizerFiles, ASentencePieceVocabularyComesBackFromThemToTheSameIds) {
  const auto file = formats::GgufFile::Open(DataPath("fixtures/tokenizer/spm-mini/vocab.gguf"));
  const auto files = TokenizerFilesOf(*file);
  const testing::TemporaryFolder folder;
  formats::WriteGguf(folder / "again.gguf",
                     GgufVocabulary({.tokenizer_json = files->tokenizer_json,
                                     .where = "spm-mini",
                                     .config = ParseTokenizerConfig(files->tokenizer_config_json),
                                     .vocab_size = FixtureGguf("spm-mini")->vocab_size()}),
                     {});
  const auto again = formats::GgufFile::Open(folder / "again.gguf");
  ExpectSame(*Tokenizer::FromGguf(*again), *FixtureGguf("spm-mini"));
  for (const char* key : {"model", "tokens", "token_type", "add_space_prefix", "add_bos_token",
                          "bos_token_id", "eos_token_id", "unknown_token_id"}) {
    const std::string full = std::string("tokenizer.ggml.") + key;
    if (file->Get(full) == nullptr) continue;
    ASSERT_NE(again->Get(full), nullptr) << key;
    EXPECT_TRUE(again->Get(full)->value == file->Get(full)->value) << key;
  }
}

TEST(TokenizerFiles, RolesAndTheTemplateAreInTheConfiguration) {
  const std::string json = JsonOf("smollm2");
  const testing::TemporaryFolder folder;
  const TokenizerConfig config{.chat_template = "{{ messages }}",
                               .special_tokens = {{"bos_token", "<|im_start|>"},
                                                  {"eos_token", "<|im_end|>"},
                                                  {"pad_token", "<|endoftext|>"}}};
  formats::WriteGguf(
      folder / "vocab.gguf",
      GgufVocabulary(
          {.tokenizer_json = json, .where = "smollm2", .config = config, .vocab_size = 49152}),
      {});
  const auto files = TokenizerFilesOf(*formats::GgufFile::Open(folder / "vocab.gguf"));
  ASSERT_TRUE(files);
  const TokenizerConfig got = ParseTokenizerConfig(files->tokenizer_config_json);
  EXPECT_EQ(got.chat_template, config.chat_template);
  for (const auto& role : config.special_tokens) {
    EXPECT_NE(std::ranges::find(got.special_tokens, role), got.special_tokens.end()) << role.first;
  }
}

TEST(TokenizerFiles, AWholeTokenizerInTheFileIsGivenAsItIs) {
  const std::string json = JsonOf("gpt2-mini");
  auto fields = GgufVocabulary({.tokenizer_json = json, .where = "here", .vocab_size = 2000});
  fields.emplace_back("tokenizer.huggingface.json", json);
  const testing::TemporaryFolder folder;
  formats::WriteGguf(folder / "vocab.gguf", fields, {});
  EXPECT_EQ(TokenizerFilesOf(*formats::GgufFile::Open(folder / "vocab.gguf"))->tokenizer_json,
            json);
}

TEST(TokenizerFiles, AModelWithoutAVocabularyHasNone) {
  const testing::TemporaryFolder folder;
  formats::WriteGguf(folder / "none.gguf", NoGgufVocabulary({}, {}), {});
  EXPECT_FALSE(TokenizerFilesOf(*formats::GgufFile::Open(folder / "none.gguf")));
}

}  // namespace
}  // namespace hyprstream::text
