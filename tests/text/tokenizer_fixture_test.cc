#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "support/data.h"
#include "text/fixture_tokenizers.h"

namespace hyprstream::text {
namespace {

enum class Source { kJson, kGguf };

struct Case {
  std::string name;
  Source source = Source::kJson;
};

std::shared_ptr<const Tokenizer> Open(const Case& c) {
  return c.source == Source::kJson ? FixtureTokenizer(c.name) : FixtureGguf(c.name);
}

std::string TextFile(const std::string& name) {
  return name == "flags-mini" ? "fixtures/tokenizer/flags-mini/text.jsonl"
                              : "fixtures/tokenizer/text.jsonl";
}

std::string File(const std::string& name, std::string_view file) {
  return "fixtures/tokenizer/" + name + "/" + std::string(file);
}

class TokenizerFixture : public ::testing::TestWithParam<Case> {};

/// The row's ids in the mode `key`; an absent one is equal to another.
std::vector<TokenId> Expected(const boost::json::object& row, std::string_view key,
                              std::string_view fallback) {
  return Ids(row.contains(key) ? row.at(key) : row.at(fallback));
}

TEST_P(TokenizerFixture, EncodesEveryLineInEveryMode) {
  const auto tokenizer = Open(GetParam());
  const bool spm = GetParam().name == "spm-mini";  // its rows never parse special text
  const auto texts = ReadRows(TextFile(GetParam().name));
  const auto rows = ReadRows(File(GetParam().name, "ids.jsonl"));
  ASSERT_EQ(texts.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string text(texts[i].at("text").as_string());
    const auto encode = [&](SpecialText special, bool add) {
      return tokenizer->Encode(text, {.special_text = special, .add_special = add});
    };
    const auto ids = Ids(rows[i].at("ids"));
    const auto ids_text = Expected(rows[i], "ids_text", "ids");
    EXPECT_EQ(encode(SpecialText::kPlain, false), ids_text) << i << ": " << text.substr(0, 200);
    if (spm) continue;
    EXPECT_EQ(encode(SpecialText::kParse, false), ids) << i << ": " << text.substr(0, 200);
    const auto ids_bos = Expected(rows[i], "ids_bos", "ids");
    EXPECT_EQ(encode(SpecialText::kParse, true), ids_bos) << i;
    auto ids_text_bos = ids_text;
    if (rows[i].contains("ids_text_bos")) {
      ids_text_bos = Ids(rows[i].at("ids_text_bos"));
    } else if (ids_bos != ids) {
      ids_text_bos.insert(ids_text_bos.begin(), ids_bos.front());
    }
    EXPECT_EQ(encode(SpecialText::kPlain, true), ids_text_bos) << i;
  }
}

TEST_P(TokenizerFixture, DecodesEveryRow) {
  const auto tokenizer = Open(GetParam());
  for (const auto& row : ReadRows(File(GetParam().name, "decode.jsonl"))) {
    const auto ids = Ids(row.at("ids"));
    const std::string text(row.at("text").as_string());
    EXPECT_EQ(tokenizer->Decode(ids), text) << boost::json::serialize(row);
    const std::string skipped(
        row.contains("text_skip") ? std::string(row.at("text_skip").as_string()) : text);
    EXPECT_EQ(tokenizer->Decode(ids, true), skipped) << boost::json::serialize(row);
  }
}

TEST_P(TokenizerFixture, StreamsEveryRow) {
  const std::string file = File(GetParam().name, "stream.jsonl");
  if (!std::filesystem::exists(testing::DataPath(file))) return;  // flags-mini, spm-mini
  const auto tokenizer = Open(GetParam());
  for (const auto& row : ReadRows(file)) {
    StreamDecoder stream(tokenizer);
    std::vector<std::string> deltas;
    for (const TokenId id : Ids(row.at("ids"))) deltas.push_back(stream.Push(id));
    EXPECT_EQ(deltas, boost::json::value_to<std::vector<std::string>>(row.at("delta")))
        << boost::json::serialize(row);
    EXPECT_EQ(stream.Flush(), row.at("flush").as_string());
  }
}

const auto kCases = ::testing::Values(
    Case{"qwen3"}, Case{"smollm2"}, Case{"llama3-mini"}, Case{"gpt2-mini"}, Case{"llama2-mini"},
    Case{"mistral-mini"}, Case{"flags-mini"}, Case{"llama3-mini", Source::kGguf},
    Case{"gpt2-mini", Source::kGguf}, Case{"spm-mini", Source::kGguf});

std::string NameOf(const ::testing::TestParamInfo<Case>& param) {
  std::string name = param.param.name;
  name += param.param.source == Source::kGguf ? "_gguf" : "_json";
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerFixture, kCases, NameOf);

TEST(TokenizerGgufFixture, ModelFileGivesTheIdsOfTheTokenizerBesideIt) {
  const std::string folder = "fixtures/gguf/qwen3-gguf/";
  const auto rows = boost::json::parse(ReadFixture(folder + "tokenizer_cases.json")).as_array();
  ASSERT_FALSE(rows.empty());
  for (const char* file : {"model-F32.gguf", "model-Q4_0.gguf", "tokenizer.json"}) {
    const auto tokenizer = Tokenizer::FromPath(testing::DataPath(folder + file));
    for (const auto& row : rows) {
      const std::string text(row.at("text").as_string());
      const auto ids = Ids(row.at("ids"));
      EXPECT_EQ(tokenizer->Encode(text), ids) << file << ": " << text;
      EXPECT_EQ(tokenizer->Decode(ids), row.at("decoded").as_string()) << file;
    }
  }
}

TEST(TokenizerWillowbrook, RoundTripsItsOwnText) {
  const auto tokenizer = Tokenizer::FromPath(testing::SourcePath("models/willowbrook"));
  EXPECT_EQ(tokenizer->vocab_size(), 4096);
  const std::string text = "<|im_start|>user\nWho runs the bakery in Willowbrook?<|im_end|>\n";
  const auto ids = tokenizer->Encode(text);
  EXPECT_EQ(ids.front(), 4094);
  EXPECT_EQ(tokenizer->Decode(ids), text);
  EXPECT_EQ(tokenizer->Decode(ids, true), "user\nWho runs the bakery in Willowbrook?\n");
}

}  // namespace
}  // namespace hyprstream::text
