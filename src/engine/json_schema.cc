#include "engine/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"
#include "engine/schema_document.h"

namespace hyprstream::engine {
namespace {

using text::Value;
using Symbol = Grammar::Symbol;
using Symbols = Grammar::Symbols;

constexpr int kMostDepth = 200;
constexpr int64_t kMostCharacters = 2000;  // of a string with "maxLength": each is a state
constexpr int64_t kMostItems = 10'000;

class Compiler {
 public:
  Compiler(const SchemaDocument& document, Grammar& grammar, JsonGrammar& json)
      : document_(document), grammar_(grammar), json_(json) {}

  Symbol Compile(const PlacedSchema& schema);

 private:
  Symbol CompileReference(const PlacedSchema& schema);
  Symbol CompileChoice(const PlacedSchema& schema, std::string_view keyword);
  Symbol CompileValues(const PlacedSchema& schema, const std::vector<Value>& values);
  Symbol CompileType(const PlacedSchema& schema, const std::string& type);
  Symbol CompileObject(const PlacedSchema& schema);
  Symbol CompileArray(const PlacedSchema& schema);
  Symbol CompileString(const PlacedSchema& schema);
  Symbol CompileInteger(const PlacedSchema& schema);
  Symbol CompileNumber(const PlacedSchema& schema);

  const SchemaDocument& document_;
  Grammar& grammar_;
  JsonGrammar& json_;
  std::map<std::string, Symbol> references_;
  int depth_ = 0;
};

/// A length or count; `otherwise` without one.
int64_t ReadCount(const PlacedSchema& schema, std::string_view keyword, int64_t otherwise,
                  int64_t most) {
  const Value* value = schema.Find(keyword);
  if (value == nullptr) return otherwise;
  double count = -1;
  if (value->kind() == Value::Kind::kInt) count = static_cast<double>(value->as_int());
  if (value->kind() == Value::Kind::kFloat) count = value->as_float();
  if (count >= 0 && count == std::floor(count) && count <= static_cast<double>(most)) {
    return static_cast<int64_t>(count);
  }
  RefuseValue(schema.At(*value, keyword), "an integer from 0 to " + std::to_string(most));
}

std::vector<Value> ReadList(const PlacedSchema& schema, std::string_view keyword) {
  const Value* value = schema.Find(keyword);
  if (value == nullptr) return {};
  if (!value->is_list()) RefuseValue(schema.At(*value, keyword), "an array");
  return value->items();
}

Symbol Compiler::Compile(const PlacedSchema& schema) {
  if (schema.value.is_bool())
    return schema.value.as_bool() ? json_.any_value() : grammar_.NewRule();
  if (!schema.value.is_object()) RefuseValue(schema, "an object, true or false");
  CheckKeywords(schema, schema.path == document_.root().path);
  if (depth_ >= kMostDepth) {
    throw Error(ErrorCode::kLimit, {.message = "a JSON schema nests too deeply or without end",
                                    .expected = "at most " + std::to_string(kMostDepth) + " levels",
                                    .where = schema.path});
  }
  ++depth_;
  Symbol compiled;
  if (schema.Find("$ref") != nullptr || schema.Find("allOf") != nullptr) {
    const bool alone = schema.Find("allOf") == nullptr &&
                       WithoutKeywords(schema.value, {"$ref"}).entries().empty();
    compiled = alone ? CompileReference(schema) : Compile(document_.Flatten(schema));
  } else if (schema.Find("oneOf") != nullptr) {
    compiled = CompileChoice(schema, "oneOf");
  } else if (schema.Find("anyOf") != nullptr) {
    compiled = CompileChoice(schema, "anyOf");
  } else if (const auto values = AllowedValues(schema)) {
    compiled = CompileValues(schema, *values);
  } else if (WithoutKeywords(schema.value, {}).entries().empty()) {
    compiled = json_.any_value();
  } else {
    std::vector<Symbols> alternatives;
    const std::vector<std::string> types = MadeTypes(schema);
    const bool numbers = std::ranges::find(types, "number") != types.end();
    for (const std::string& type : types) {
      if (numbers && type == "integer") continue;  // they are numbers too
      alternatives.push_back({CompileType(schema, type)});
    }
    compiled = grammar_.Choice(std::move(alternatives));
  }
  --depth_;
  return compiled;
}

// The rule is known before it is made, so that it may speak of itself.
Symbol Compiler::CompileReference(const PlacedSchema& schema) {
  const Value& reference = *schema.Find("$ref");
  if (!reference.is_string()) RefuseValue(schema.At(reference, "$ref"), "a string");
  const PlacedSchema target = document_.Resolve(schema, reference.as_string());
  const auto [known, is_new] = references_.emplace(target.path, Symbol{});
  if (!is_new) return known->second;
  const Symbol rule = grammar_.NewRule();
  known->second = rule;
  grammar_.AddAlternative(rule, {Compile(target)});
  return rule;
}

Symbol Compiler::CompileChoice(const PlacedSchema& schema, std::string_view keyword) {
  const std::vector<Value> options = ReadList(schema, keyword);
  const Value rest = WithoutKeywords(schema.value, {keyword});
  std::vector<PlacedSchema> placed;
  for (size_t i = 0; i < options.size(); ++i) {
    placed.push_back(schema.At(options[i], keyword, i));
  }
  for (size_t i = 0; keyword == "oneOf" && i < placed.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (document_.NeverBoth(placed[i], placed[j])) continue;
      RefuseKeyword(schema, keyword,
                    "where a value might fit two of its schemas; \"anyOf\" is, and so are schemas "
                    "that a type or a required member with \"const\" tells apart");
    }
  }
  std::vector<Symbols> alternatives;
  for (PlacedSchema& option : placed) {
    if (!rest.entries().empty()) {
      option.value = Value::Object({{"allOf", Value::List({rest, option.value})}});
    }
    alternatives.push_back({Compile(option)});
  }
  return grammar_.Choice(std::move(alternatives));
}

Symbol Compiler::CompileValues(const PlacedSchema& schema, const std::vector<Value>& values) {
  const Value others = WithoutKeywords(schema.value, {"enum", "const", "type"});
  if (!others.entries().empty()) {
    RefuseKeyword(schema, others.entries().front().key.as_string(), "beside \"enum\" or \"const\"");
  }
  std::vector<Symbols> alternatives;
  for (const Value& value : values) {
    alternatives.push_back(grammar_.Literal(text::WriteJson(value)));
  }
  return grammar_.Choice(std::move(alternatives));
}

Symbol Compiler::CompileType(const PlacedSchema& schema, const std::string& type) {
  if (type == "object") return CompileObject(schema);
  if (type == "array") return CompileArray(schema);
  if (type == "string") return CompileString(schema);
  if (type == "integer") return CompileInteger(schema);
  if (type == "number") return CompileNumber(schema);
  if (type == "boolean") return json_.boolean();
  return grammar_.Choice({grammar_.Literal("null")});
}

struct Member {
  std::string name;
  PlacedSchema schema;
  bool required = false;
};

std::vector<Member> ReadMembers(const PlacedSchema& schema, const Value& others) {
  std::vector<Member> members;
  if (const Value* properties = schema.Find("properties")) {
    const PlacedSchema placed = schema.At(*properties, "properties");
    if (!properties->is_object()) RefuseValue(placed, "an object");
    for (const Value::Entry& entry : properties->entries()) {
      const std::string& name = entry.key.as_string();
      members.push_back({name, placed.At(entry.value, name)});
    }
  }
  for (const Value& name : ReadList(schema, "required")) {
    if (!name.is_string()) RefuseValue(schema.At(name, "required"), "an array of strings");
    auto member = std::ranges::find(members, name.as_string(), &Member::name);
    if (member == members.end()) {
      members.push_back({name.as_string(), schema.At(others, "additionalProperties")});
      member = members.end() - 1;
    }
    member->required = true;
  }
  return members;
}

// From the last member to the first: what follows when something stands before it already, and
// what follows when nothing does.
Symbol Compiler::CompileObject(const PlacedSchema& schema) {
  const Value* additional = schema.Find("additionalProperties");
  const std::vector<Member> members =
      ReadMembers(schema, additional == nullptr ? Value::Bool(true) : *additional);
  if (members.empty() && additional == nullptr && schema.Find("properties") == nullptr) {
    return json_.any_object();
  }
  Symbol after = grammar_.Choice({{}});
  Symbol first = after;
  if (additional != nullptr && !(additional->is_bool() && !additional->as_bool())) {
    std::vector<std::string> names;
    for (const Member& member : members) names.push_back(member.name);
    const Symbols other = json_.Member({json_.NameOtherThan(names)},
                                       Compile(schema.At(*additional, "additionalProperties")));
    after = grammar_.Choice({grammar_.Repeat(Join({json_.Comma(), other}), 0, -1)});
    first = grammar_.Optional(Join({other, {after}}));
  }
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    const Symbols written = json_.Member(
        grammar_.Literal(text::WriteJson(Value::String(member->name))), Compile(member->schema));
    std::vector<Symbols> following{Join({json_.Comma(), written, {after}})};
    std::vector<Symbols> beginning{Join({written, {after}})};
    if (!member->required) {
      following.push_back({after});
      beginning.push_back({first});
    }
    after = grammar_.Choice(std::move(following));
    first = grammar_.Choice(std::move(beginning));
  }
  return grammar_.Choice({Join(
      {grammar_.Literal("{"), {json_.space(), first, json_.space()}, grammar_.Literal("}")})});
}

// From the last place to the first, as for objects.
Symbol Compiler::CompileArray(const PlacedSchema& schema) {
  const std::vector<Value> first_items = ReadList(schema, "prefixItems");
  const auto places = static_cast<int64_t>(first_items.size());
  const int64_t least = ReadCount(schema, "minItems", 0, kMostItems);
  int64_t most = ReadCount(schema, "maxItems", -1, kMostItems);
  const Value* items = schema.Find("items");
  if (items != nullptr && items->is_list()) {
    RefuseKeyword(schema, "items", "as an array; \"prefixItems\" is");
  }
  if (most >= 0 && most < least) return grammar_.NewRule();
  const Symbol other = items == nullptr ? json_.any_value() : Compile(schema.At(*items, "items"));
  const int64_t listed = most < 0 ? places : std::min(places, most);
  const Symbols more = Join({json_.Comma(), {other}});
  const int64_t needed = std::max<int64_t>(least - listed, 0);
  // Behind the listed ones, when something stands there already and when nothing does.
  Symbol after = grammar_.Choice({grammar_.Repeat(more, needed, most < 0 ? -1 : most - listed)});
  Symbol first = after;
  if (listed == 0 && most != 0) {
    const int64_t rest = std::max<int64_t>(least - 1, 0);
    const Symbols some = Join({{other}, grammar_.Repeat(more, rest, most < 0 ? -1 : most - 1)});
    first = least == 0 ? grammar_.Optional(some) : grammar_.Choice({some});
  }
  for (int64_t i = listed; i-- > 0;) {
    const auto index = static_cast<size_t>(i);
    const Symbol item = Compile(schema.At(first_items[index], "prefixItems", index));
    std::vector<Symbols> following{Join({json_.Comma(), {item, after}})};
    std::vector<Symbols> beginning{{item, after}};
    if (i >= least) following.emplace_back();
    if (i >= least) beginning.emplace_back();
    after = grammar_.Choice(std::move(following));
    first = grammar_.Choice(std::move(beginning));
  }
  return grammar_.Choice({Join(
      {grammar_.Literal("["), {json_.space(), first, json_.space()}, grammar_.Literal("]")})});
}

Symbol Compiler::CompileString(const PlacedSchema& schema) {
  const int64_t least = ReadCount(schema, "minLength", 0, kMostCharacters);
  const int64_t most = ReadCount(schema, "maxLength", -1, kMostCharacters);
  if (most >= 0 && most < least) return grammar_.NewRule();
  return grammar_.Choice({json_.String(least, most)});
}

/// A bound as the nearest integer within it; `step` is added when it is not itself allowed.
std::optional<int64_t> ReadBound(const PlacedSchema& schema, std::string_view keyword,
                                 int64_t step) {
  const Value* value = schema.Find(keyword);
  if (value == nullptr) return std::nullopt;
  constexpr int64_t kFarthest = 1'000'000'000'000'000'000;
  std::optional<int64_t> bound;
  if (value->kind() == Value::Kind::kInt) {
    bound = value->as_int();
    if (*bound >= -kFarthest && *bound <= kFarthest) return *bound + step;
  } else if (value->kind() == Value::Kind::kFloat && std::abs(value->as_float()) <= 1e15) {
    const double number = value->as_float();
    const bool upper = keyword.ends_with("aximum");
    const double whole = upper ? std::floor(number) : std::ceil(number);
    return static_cast<int64_t>(whole) + (whole == number ? step : 0);
  }
  RefuseValue(schema.At(*value, keyword), "a number whose size is at most 10^18");
}

Symbol Compiler::CompileInteger(const PlacedSchema& schema) {
  std::optional<int64_t> least = ReadBound(schema, "minimum", 0);
  std::optional<int64_t> most = ReadBound(schema, "maximum", 0);
  if (const auto above = ReadBound(schema, "exclusiveMinimum", 1)) {
    least = std::max(least.value_or(*above), *above);
  }
  if (const auto below = ReadBound(schema, "exclusiveMaximum", -1)) {
    most = std::min(most.value_or(*below), *below);
  }
  return json_.Integer(least, most);
}

Symbol Compiler::CompileNumber(const PlacedSchema& schema) {
  for (const char* keyword : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
    if (schema.Find(keyword) != nullptr) {
      RefuseKeyword(schema, keyword, "for the type \"number\"; for \"integer\" it is");
    }
  }
  return json_.number();
}

}  // namespace

Grammar::Symbol CompileJsonSchema(const Value& schema, const std::string& where, Grammar& grammar,
                                  JsonGrammar& json) {
  const SchemaDocument document({schema, where});
  return Compiler(document, grammar, json).Compile(document.root());
}

}  // namespace hyprstream::engine
