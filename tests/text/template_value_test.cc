// Values, and JSON to and from them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/json_value.h"
#include "text/template/value.h"

namespace hyprstream::text {
namespace {

TEST(JsonValue, KeysKeepTheirOrderAndIntegersTheirDigits) {
  const std::string json =
      R"({"z":1,"a":[true,null,-0.5,1e+20],"n":123456789012345678901234567890,"m":-9223372036854775808})";
  EXPECT_EQ(WriteJson(ParseJson(json)), json);
}

TEST(JsonValue, OfEqualKeysTheLastValueWins) {
  EXPECT_EQ(WriteJson(ParseJson(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
}

TEST(JsonValue, ManyKeysAreFoundByName) {
  std::string json = "{";
  for (int i = 0; i < 500; ++i) {
    json += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  }
  const Value object = ParseJson(json + "}");
  for (int i = 0; i < 500; ++i) {
    const Value* found = object.Find("k" + std::to_string(i));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->as_int(), i);
  }
  EXPECT_EQ(object.Find("k500"), nullptr);
}

TEST(JsonValue, BrokenTextIsRefusedWithItsOffset) {
  for (const char* json :
       {"", "{", "[1,]", "{\"a\" 1}", "nul", "1 2", "\"\xff\"", "1e999", "'a'", "NaN"}) {
    EXPECT_THROW(ParseJson(json), Error) << json;
  }
  try {
    ParseJson("[1, x]", "request");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.detail().where, "request, byte 4");
  }
}

TEST(JsonValue, NestingIsLimited) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_NO_THROW(ParseJson(nested(kMaxJsonDepth)));
  EXPECT_THROW(ParseJson(nested(kMaxJsonDepth + 1)), Error);
}

TEST(JsonValue, WhatJsonHasNoFormForIsRefused) {
  EXPECT_THROW(WriteJson(Value::Float(INFINITY)), Error);
}

RC_GTEST_PROP(JsonValue, WrittenTextReadsBackTheSame, (const std::map<std::string, int64_t>& map)) {
  std::vector<std::pair<std::string, Value>> entries;
  for (const auto& [key, number] : map)
    entries.emplace_back(std::to_string(number), Value::Int(number));
  const std::string json = WriteJson(Value::Object(std::move(entries)));
  RC_ASSERT(WriteJson(ParseJson(json)) == json);
}

RC_GTEST_PROP(JsonValue, FloatsReadBackToTheSameBits, (double number)) {
  RC_PRE(std::isfinite(number));
  RC_ASSERT(ParseJson(WriteJson(Value::Float(number))).as_float() == number);
}

TEST(Value, InputIsMarkedThroughAndThrough) {
  const Value value = ParseJson(R"({"a":[{"b":"c"}]})").AsInput();
  EXPECT_TRUE(value.from_input());
  EXPECT_TRUE(value.entries()[0].key.from_input());
  const Value& inner = value.Find("a")->items()[0];
  EXPECT_TRUE(inner.from_input());
  EXPECT_TRUE(inner.Find("b")->from_input());
}

}  // namespace
}  // namespace hyprstream::text
