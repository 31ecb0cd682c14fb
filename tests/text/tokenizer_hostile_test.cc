#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "text/fixture_tokenizers.h"
#include "text/regex.h"

namespace hyprstream::text {
namespace {

namespace json = boost::json;

json::value Small() {
  return json::parse(R"({"version":"1.0","added_tokens":[
      {"id":4,"content":"<end>","special":true,"normalized":false}],
    "pre_tokenizer":{"type":"WhitespaceSplit"},
    "decoder":{"type":"Fuse"},
    "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<unk>":3},"merges":[["a","b"]],
             "unk_token":"<unk>"}})");
}

struct Damage {
  const char* name;
  std::function<void(json::object&)> apply;
  ErrorCode code;
  const char* where;
};

json::object& Model(json::object& root) { return root["model"].as_object(); }

json::value Sequence(int depth) {
  json::value inner = {{"type", "NFC"}};
  for (int i = 0; i < depth; ++i) {
    inner = {{"type", "Sequence"}, {"normalizers", json::array{inner, inner}}};
  }
  return inner;
}

const std::vector<Damage> kDamages = {
    {"no model", [](auto& r) { r.erase("model"); }, ErrorCode::kDataLoss, "f"},
    {"vocab is a list", [](auto& r) { Model(r)["vocab"] = json::array{}; }, ErrorCode::kDataLoss,
     "f.model.vocab"},
    {"id is a string", [](auto& r) { Model(r)["vocab"].as_object()["a"] = "0"; },
     ErrorCode::kDataLoss, "f.model.vocab"},
    {"id is negative", [](auto& r) { Model(r)["vocab"].as_object()["a"] = -1; },
     ErrorCode::kDataLoss, "f.model.vocab"},
    {"id is 2^31", [](auto& r) { Model(r)["vocab"].as_object()["a"] = 2147483648; },
     ErrorCode::kDataLoss, "f.model.vocab"},
    {"id is far away", [](auto& r) { Model(r)["vocab"].as_object()["a"] = 2000000000; },
     ErrorCode::kDataLoss, "f.model.vocab"},
    {"id is shared", [](auto& r) { Model(r)["vocab"].as_object()["a"] = 1; }, ErrorCode::kDataLoss,
     "f.model.vocab"},
    {"merge of a stranger", [](auto& r) { Model(r)["merges"] = json::parse(R"([["a", "c"]])"); },
     ErrorCode::kDataLoss, "f.model.merges[0]"},
    {"merge of three", [](auto& r) { Model(r)["merges"] = json::parse(R"(["a b c"])"); },
     ErrorCode::kDataLoss, "f.model.merges[0]"},
    {"merge of numbers", [](auto& r) { Model(r)["merges"] = json::parse("[1, 2]"); },
     ErrorCode::kDataLoss, "f.model.merges[0]"},
    {"unknown unk", [](auto& r) { Model(r)["unk_token"] = "?"; }, ErrorCode::kDataLoss,
     "f.model.unk_token"},
    {"another model", [](auto& r) { Model(r)["type"] = "Unigram"; }, ErrorCode::kUnsupported,
     "f.model"},
    {"unknown normalizer",
     [](auto& r) {
       r["normalizer"] = {{"type", "Precompiled"}};
     },
     ErrorCode::kUnsupported, "f.normalizer"},
    {"unknown decoder",
     [](auto& r) {
       r["decoder"] = {{"type", "CTC"}};
     },
     ErrorCode::kUnsupported, "f.decoder"},
    {"unknown pre-tokenizer",
     [](auto& r) {
       r["pre_tokenizer"] = {{"type", "Magic"}};
     },
     ErrorCode::kUnsupported, "f.pre_tokenizer"},
    {"too many components", [](auto& r) { r["normalizer"] = Sequence(8); }, ErrorCode::kLimit, ""},
    {"long content",
     [](auto& r) {
       r["added_tokens"].as_array()[0].as_object()["content"] = std::string(5000, 'x');
     },
     ErrorCode::kLimit, "f.added_tokens[0].content"},
    {"pattern too long",
     [](auto& r) {
       r["pre_tokenizer"] = {{"type", "Split"},
                             {"behavior", "Isolated"},
                             {"pattern", {{"Regex", std::string(1 << 20, 'x')}}}};
     },
     ErrorCode::kUnsupported, "f.pre_tokenizer.pattern.Regex"},
    {"pattern is broken",
     [](auto& r) {
       r["pre_tokenizer"] = {
           {"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"Regex", "(["}}}};
     },
     ErrorCode::kUnsupported, "f.pre_tokenizer.pattern.Regex"},
    {"special id of a template",
     [](auto& r) {
       r["post_processor"] = json::parse(
           R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}},
               {"Sequence":{"id":"A"}}],"special_tokens":{"x":{"ids":[-5]}}})");
     },
     ErrorCode::kDataLoss, "f.post_processor.special_tokens.x.ids[0]"}};

TEST(HostileTokenizer, UndamagedFileLoads) {
  const auto tokenizer = Tokenizer::FromJson(json::serialize(Small()), "f");
  EXPECT_EQ(tokenizer->Encode("ab a<end>z"), (std::vector<TokenId>{2, 0, 4, 3}));
}

TEST(HostileTokenizer, DamageIsAnErrorThatSaysWhere) {
  for (const Damage& damage : kDamages) {
    json::value document = Small();
    damage.apply(document.as_object());
    try {
      Tokenizer::FromJson(json::serialize(document), "f");
      ADD_FAILURE() << damage.name << ": accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), damage.code) << damage.name << ": " << error.what();
      EXPECT_TRUE(error.detail().where.starts_with(damage.where))
          << damage.name << ": " << error.what();
    }
  }
}

TEST(HostileTokenizer, CutFileIsAnError) {
  const std::string whole = json::serialize(Small());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(Tokenizer::FromJson(whole.substr(0, size), "f"), Error) << size;
  }
  EXPECT_THROW(Tokenizer::FromJson(whole + "x", "f"), Error);
  EXPECT_THROW(Tokenizer::FromJson(std::string(100000, '['), "f"), Error);
}

TEST(HostileTokenizer, ReplacementThatGrowsWithoutEndIsStopped) {
  json::value document = Small();
  json::array steps;
  for (int i = 0; i < 60; ++i) {
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  }
  document.as_object()["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  const auto tokenizer = Tokenizer::FromJson(json::serialize(document), "f");
  try {
    tokenizer->Encode("aaaa");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kLimit);
  }
}

TEST(HostileTokenizer, PatternThatBacktracksWithoutEndIsStopped) {
  const Regex regex = Regex::Compile("(?:a+)+[bc]", "here");
  EXPECT_THROW(regex.FindAll(std::string(5000, 'a')), Error);
}

TEST(HostileTokenizer, PatternThatMeansAnotherThingIsRefused) {
  for (const char* pattern : {"\\h", "(?m)a", "[a&&[^b]]", "(*UTF)a", "[\\W]", "a\\", "\\Ka"}) {
    EXPECT_THROW(Regex::Compile(pattern, "here"), Error) << pattern;
  }
}

}  // namespace
}  // namespace hyprstream::text
