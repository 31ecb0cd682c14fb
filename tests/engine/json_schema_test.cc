// What a schema's grammar allows: examples, and random schemas whose random texts an independent
// check of JSON values finds right.
#include "engine/json_schema.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "engine/answer_form.h"
#include "engine/grammar_automaton.h"
#include "text/utf8.h"

namespace hyprstream::engine {
namespace {

using text::Value;

GrammarAutomaton AutomatonOf(const std::string& schema) {
  return GrammarAutomaton(GrammarOf(
      {.kind = AnswerForm::Kind::kSchema, .schema = text::ParseJson(schema), .where = "schema"}));
}

bool Allows(const std::string& schema, std::string_view text) {
  GrammarAutomaton automaton = AutomatonOf(schema);
  GrammarAutomaton::State state = automaton.start();
  for (const char c : text) {
    state = automaton.Step(state, static_cast<unsigned char>(c));
    if (state == GrammarAutomaton::kDead) return false;
  }
  return state != GrammarAutomaton::kDead && automaton.complete(state);
}

std::string RefusedAt(const std::string& schema) {
  try {
    (void)AutomatonOf(schema);
  } catch (const Error& error) {
    return error.detail().where;
  }
  return "nowhere";
}

TEST(JsonSchema, TakesMembersInOrder) {
  const std::string schema = R"({"type": "object", "required": ["a", "c"], "properties":
    {"a": {"type": "integer"}, "b": {"type": "boolean"}, "c": {"const": "x\"é"}}})";
  EXPECT_TRUE(Allows(schema, R"({"a": 1, "b": true, "c": "x\"é"})"));
  EXPECT_TRUE(Allows(schema, "{\n  \"a\": -10,\n  \"c\": \"x\\\"é\"\n}"));
  EXPECT_FALSE(Allows(schema, R"({"a": 1})"));
  EXPECT_FALSE(Allows(schema, R"({"a": 1, "b": true})"));
  EXPECT_FALSE(Allows(schema, R"({"a": 1.5, "c": "x\"é"})"));
  EXPECT_FALSE(Allows(schema, R"({"a": 1, "c": "x\"é", "d": 1})"));
}

TEST(JsonSchema, TakesOtherMembersWhenTheyAreSpokenOf) {
  const std::string schema =
      R"({"properties": {"ab": {"const": 1}}, "additionalProperties": {"type": "string"}})";
  EXPECT_TRUE(Allows(schema, R"({"ab": 1, "a": "x", "abc": "", "é": "y"})"));
  EXPECT_TRUE(Allows(schema, R"({"b": "x"})"));
  EXPECT_FALSE(Allows(schema, R"({"ab": "x"})"));
  EXPECT_FALSE(Allows(schema, R"({"ab": 1, "ab": "x"})"));
  EXPECT_FALSE(Allows(schema, R"({"\u0061b": "x"})"));
}

TEST(JsonSchema, CountsItemsAndCharacters) {
  const std::string list = R"({"items": {"type": "null"}, "minItems": 1, "maxItems": 2})";
  EXPECT_FALSE(Allows(list, "[]"));
  EXPECT_TRUE(Allows(list, "[null]"));
  EXPECT_TRUE(Allows(list, "[null, null]"));
  EXPECT_FALSE(Allows(list, "[null, null, null]"));
  const std::string tuple = R"({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}],
                                "items": {"const": 3}, "minItems": 1})";
  EXPECT_FALSE(Allows(tuple, "[]"));
  EXPECT_TRUE(Allows(tuple, "[1]"));
  EXPECT_TRUE(Allows(tuple, "[1, 2, 3, 3]"));
  EXPECT_FALSE(Allows(tuple, "[1, 3]"));
  const std::string text = R"({"type": "string", "minLength": 2, "maxLength": 3})";
  EXPECT_FALSE(Allows(text, R"("é")"));
  EXPECT_TRUE(Allows(text, R"("é\n")"));
  EXPECT_TRUE(Allows(text, R"("\ud83d\ude00ab")"));
  EXPECT_FALSE(Allows(text, R"("abcd")"));
  EXPECT_FALSE(Allows(text, R"("\ud83dab")"));
}

TEST(JsonSchema, FollowsReferencesToItself) {
  const std::string tree = R"({"$defs": {"node": {"type": "object", "required": ["next"],
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}},
    "$ref": "#/$defs/node"})";
  EXPECT_TRUE(Allows(tree, R"({"next": {"next": {"next": null}}})"));
  EXPECT_FALSE(Allows(tree, R"({"next": {"next": {}}})"));
}

TEST(JsonSchema, HoldsToAllOfSeveral) {
  const std::string schema = R"({"allOf": [{"$ref": "#/$defs/a"}, {"required": ["x"]}],
    "properties": {"x": {"maxLength": 1}}, "$defs": {"a": {"type": "object",
    "properties": {"x": {"type": "string", "minLength": 1}, "y": {"type": ["null", "integer"]}}}}})";
  EXPECT_TRUE(Allows(schema, R"({"x": "a"})"));
  EXPECT_TRUE(Allows(schema, R"({"x": "a", "y": null})"));
  EXPECT_FALSE(Allows(schema, R"({"x": "ab"})"));
  EXPECT_FALSE(Allows(schema, R"({"x": ""})"));
  EXPECT_FALSE(Allows(schema, R"({})"));
}

TEST(JsonSchema, RefusesByName) {
  EXPECT_EQ(RefusedAt(R"({"properties": {"a": {"type": "string", "pattern": "x"}}})"),
            "schema.properties.a.pattern");
  EXPECT_EQ(RefusedAt(R"({"anyOf": [{"type": "null"}, {"type": "number", "minimum": 0}]})"),
            "schema.anyOf[1].minimum");
  EXPECT_EQ(RefusedAt(R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})"), "schema.oneOf");
  EXPECT_EQ(RefusedAt(R"({"type": "thing"})"), "schema.type");
  EXPECT_EQ(RefusedAt(R"({"items": {"$ref": "http://x/y"}})"), "schema.items.$ref");
  EXPECT_EQ(RefusedAt(R"({"oneOf": [{"type": "integer"}, {"type": "string"}]})"), "nowhere");
  EXPECT_EQ(RefusedAt(R"({"oneOf": [
      {"type": "object", "required": ["k"], "properties": {"k": {"const": 1}}},
      {"type": "object", "required": ["k"], "properties": {"k": {"enum": [2, 3]}}}]})"),
            "nowhere");
}

TEST(JsonSchema, KeepsIntegersWithinBounds) {
  const auto check = [](int64_t least, int64_t most) {
    const std::string schema = R"({"type": "integer", "minimum": )" + std::to_string(least) +
                               R"(, "maximum": )" + std::to_string(most) + "}";
    for (int64_t value = least - 30; value <= most + 30; ++value) {
      const bool within = value >= least && value <= most;
      RC_ASSERT(Allows(schema, std::to_string(value)) == within);
    }
  };
  check(-12, 105);
  check(7, 7);
  EXPECT_TRUE(rc::check([&] {
    const auto least = *rc::gen::inRange<int64_t>(-3000, 3000);
    check(least, least + *rc::gen::inRange<int64_t>(0, 150));
  }));
}

// An independent reading of the keywords that the random schemas use.
bool Valid(const Value& value, const Value& schema, const Value& root);

bool OfType(const Value& value, const std::string& type) {
  if (type == "null") return value.is_none();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.kind() == Value::Kind::kInt;
  if (type == "number") {
    return value.kind() == Value::Kind::kInt || value.kind() == Value::Kind::kFloat;
  }
  if (type == "string") return value.is_string();
  return type == "array" ? value.is_list() : value.is_object();
}

bool ValidMembers(const Value& value, const Value& schema, const Value& root) {
  const Value* required = schema.Find("required");
  for (size_t i = 0; required != nullptr && i < required->items().size(); ++i) {
    if (value.Find(required->items()[i].as_string()) == nullptr) return false;
  }
  const Value* properties = schema.Find("properties");
  const Value* others = schema.Find("additionalProperties");
  return std::ranges::all_of(value.entries(), [&](const Value::Entry& entry) {
    const Value* own = properties == nullptr ? nullptr : properties->Find(entry.key.as_string());
    if (own == nullptr) own = others;
    return own == nullptr || Valid(entry.value, *own, root);
  });
}

bool ValidItems(const Value& value, const Value& schema, const Value& root) {
  const auto count = static_cast<int64_t>(value.items().size());
  if (const Value* least = schema.Find("minItems"); least && count < least->as_int()) return false;
  if (const Value* most = schema.Find("maxItems"); most && count > most->as_int()) return false;
  const Value* items = schema.Find("items");
  return items == nullptr || std::ranges::all_of(value.items(), [&](const Value& item) {
           return Valid(item, *items, root);
         });
}

bool Valid(const Value& value, const Value& schema, const Value& root) {
  if (schema.is_bool()) return schema.as_bool();
  if (schema.Find("$ref") != nullptr) {
    // Of a value that is being read by the root already, it says nothing new.
    static std::vector<const Value*> reading;
    if (std::ranges::find(reading, &value) != reading.end()) return false;
    reading.push_back(&value);
    const bool valid = Valid(value, root, root);
    reading.pop_back();
    return valid;
  }
  const auto holds = [&](const Value& part) { return Valid(value, part, root); };
  if (const Value* any = schema.Find("anyOf"); any && std::ranges::none_of(any->items(), holds)) {
    return false;
  }
  if (const Value* all = schema.Find("allOf"); all && !std::ranges::all_of(all->items(), holds)) {
    return false;
  }
  if (const Value* some = schema.Find("enum")) {
    return std::ranges::any_of(some->items(), [&](const Value& one) {
      return text::WriteJson(one) == text::WriteJson(value);
    });
  }
  if (const Value* type = schema.Find("type"); type && !OfType(value, type->as_string())) {
    return false;
  }
  if (value.is_string()) {
    const auto length = static_cast<int64_t>(text::CountCodePoints(value.as_string()));
    const Value* least = schema.Find("minLength");
    const Value* most = schema.Find("maxLength");
    return !(least && length < least->as_int()) && !(most && length > most->as_int());
  }
  if (value.is_object()) return ValidMembers(value, schema, root);
  return !value.is_list() || ValidItems(value, schema, root);
}

class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t bound) { return random_.Bits(drawn_++) % bound; }
  bool OneIn(uint64_t bound) { return Below(bound) == 0; }

 private:
  CounterRandom random_;
  uint64_t drawn_ = 0;
};

std::string RandomSchema(Chance& chance, int depth) {
  const auto inner = [&] { return RandomSchema(chance, depth + 1); };
  const auto number = [&](uint64_t bound) { return std::to_string(chance.Below(bound)); };
  switch (chance.Below(depth > 3 ? 6 : 11)) {
    case 0:
      return R"({"type": "integer"})";
    case 1:
      return R"({"type": "number"})";
    case 2:
      return R"({"type": "string", "minLength": )" + number(3) + R"(, "maxLength": )" +
             std::to_string(3 + chance.Below(4)) + "}";
    case 3:
      return R"({"enum": [null, "a\né", 7, {"x": [1, true]}]})";
    case 4:
      return chance.OneIn(4) ? "true" : R"({"type": "boolean"})";
    case 5:
      return R"({"type": "null"})";
    case 6:
      return R"({"type": "array", "items": )" + inner() + R"(, "minItems": )" + number(3) +
             (chance.OneIn(2) ? R"(, "maxItems": )" + std::to_string(2 + chance.Below(3)) : "") +
             "}";
    case 7:
      return R"({"anyOf": [)" + inner() + ", " + inner() + "]}";
    case 8:
      return R"({"anyOf": [{"type": "null"}, {"$ref": "#"}]})";
    case 9:
      return R"({"allOf": [{"type": "object", "properties": {"a": )" + inner() +
             R"(}}, {"type": "object", "required": ["a", "b"], "properties": {"b": )" + inner() +
             R"(}, "additionalProperties": true}]})";
    default:
      return R"({"type": "object", "properties": {"a": )" + inner() + R"(, "ab": )" + inner() +
             R"(, "é": )" + inner() + R"(}, "required": [)" +
             (chance.OneIn(2) ? R"("a")" : R"("é", "a")") + "]" +
             (chance.OneIn(2) ? R"(, "additionalProperties": )" + inner() : "") + "}";
  }
}

/// Bytes at random, then those that lead to an end soonest.
std::string RandomText(GrammarAutomaton& automaton, Chance& chance) {
  std::string text;
  GrammarAutomaton::State state = automaton.start();
  while (!automaton.exhausted(state) && text.size() < 4000) {
    if (automaton.complete(state) && chance.OneIn(3)) break;
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) {
      if (automaton.Step(state, static_cast<unsigned char>(byte)) != GrammarAutomaton::kDead) {
        bytes += static_cast<char>(byte);
      }
    }
    if (bytes.empty()) return "a dead end after " + text;
    char next = bytes[chance.Below(bytes.size())];
    // Closing is as likely as all else together.
    for (const char closing : {'"', '}', ']'}) {
      if (bytes.find(closing) != std::string::npos && (text.size() > 200 || chance.OneIn(2))) {
        next = closing;
      }
    }
    text += next;
    state = automaton.Step(state, static_cast<unsigned char>(next));
  }
  return text;
}

TEST(JsonSchema, RandomTextsOfRandomSchemasAreValid) {
  int checked = 0;
  const bool right = rc::check([&] {
    Chance chance(*rc::gen::arbitrary<uint64_t>());
    const std::string source = RandomSchema(chance, 0);
    const Value schema = text::ParseJson(source);
    GrammarAutomaton automaton = AutomatonOf(source);
    if (automaton.start() == GrammarAutomaton::kDead) return;  // it needs itself
    for (int i = 0; i < 5; ++i) {
      const std::string text = RandomText(automaton, chance);
      if (text.size() >= 4000) continue;
      ++checked;
      Value value;
      try {
        value = text::ParseJson(text);
      } catch (const Error& error) {
        RC_FAIL(source + "\n" + text + "\n" + error.what());
      }
      if (!Valid(value, schema, schema)) RC_FAIL(source + "\n" + text);
    }
  });
  EXPECT_TRUE(right);
  EXPECT_GT(checked, 300);
}

}  // namespace
}  // namespace hyprstream::engine
