#include "engine/schema_merge.h"

#include <algorithm>

namespace hyprstream::engine {
namespace {

using text::Value;
using Entries = std::vector<std::pair<std::string, Value>>;

bool IsTrue(const Value& schema) { return schema.is_bool() && schema.as_bool(); }

Value Both(const Value& a, const Value& b) {
  if (IsTrue(a)) return b;
  if (IsTrue(b) || CanonicalJson(a) == CanonicalJson(b)) return a;
  return Value::Object({{"allOf", Value::List({a, b})}});
}

Value ValueOr(const PlacedSchema& schema, std::string_view keyword, Value otherwise) {
  const Value* value = schema.Find(keyword);
  return value == nullptr ? otherwise : *value;
}

/// What a schema says about the member `name`.
Value OfMember(const PlacedSchema& schema, const std::string& name) {
  if (const Value* properties = schema.Find("properties")) {
    if (const Value* property = properties->Find(name)) return *property;
  }
  return ValueOr(schema, "additionalProperties", Value::Bool(true));
}

void MergeMembers(const PlacedSchema& a, const PlacedSchema& b, Entries& merged) {
  Entries properties;
  bool any = false;
  for (const PlacedSchema* schema : {&a, &b}) {
    const Value* own = schema->Find("properties");
    if (own == nullptr) continue;
    if (!own->is_object()) RefuseValue(schema->At(*own, "properties"), "an object");
    any = true;
    for (const Value::Entry& entry : own->entries()) {
      const std::string& name = entry.key.as_string();
      if (std::ranges::find(properties, name, &Entries::value_type::first) != properties.end()) {
        continue;
      }
      properties.emplace_back(name, Both(OfMember(a, name), OfMember(b, name)));
    }
  }
  if (any) merged.emplace_back("properties", Value::Object(std::move(properties)));
  if (a.Find("additionalProperties") != nullptr || b.Find("additionalProperties") != nullptr) {
    merged.emplace_back("additionalProperties",
                        Both(ValueOr(a, "additionalProperties", Value::Bool(true)),
                             ValueOr(b, "additionalProperties", Value::Bool(true))));
  }
}

Value Concatenate(const PlacedSchema& a, const PlacedSchema& b, std::string_view keyword) {
  std::vector<Value> items;
  for (const PlacedSchema* schema : {&a, &b}) {
    const Value* own = schema->Find(keyword);
    if (!own->is_list()) RefuseValue(schema->At(*own, keyword), "an array");
    items.insert(items.end(), own->items().begin(), own->items().end());
  }
  return Value::List(std::move(items));
}

Value SharedTypes(const PlacedSchema& a, const PlacedSchema& b) {
  const std::vector<std::string> others = AllowedTypes(b);
  std::vector<Value> shared;
  for (const std::string& type : AllowedTypes(a)) {
    if (std::ranges::find(others, type) != others.end()) shared.push_back(Value::String(type));
  }
  return Value::List(std::move(shared));
}

double NumberOf(const PlacedSchema& schema, std::string_view keyword) {
  const Value& value = *schema.Find(keyword);
  if (value.kind() == Value::Kind::kInt) return static_cast<double>(value.as_int());
  if (value.kind() == Value::Kind::kFloat) return value.as_float();
  RefuseValue(schema.At(value, keyword), "a number");
}

Value Stricter(const PlacedSchema& a, const PlacedSchema& b, std::string_view keyword) {
  const bool first_is_larger = NumberOf(a, keyword) >= NumberOf(b, keyword);
  const bool larger_wins = keyword.starts_with("min") || keyword == "exclusiveMinimum";
  return first_is_larger == larger_wins ? *a.Find(keyword) : *b.Find(keyword);
}

bool IsBound(std::string_view keyword) {
  return keyword.starts_with("min") || keyword.starts_with("max") ||
         keyword.starts_with("exclusive");
}

Value MergeKeyword(const PlacedSchema& a, const PlacedSchema& b, const std::string& keyword) {
  const Value* in_a = a.Find(keyword);
  const Value* in_b = b.Find(keyword);
  if (in_a == nullptr) return *in_b;
  if (in_b == nullptr || CanonicalJson(*in_a) == CanonicalJson(*in_b)) return *in_a;
  if (keyword == "required") return Concatenate(a, b, keyword);
  if (keyword == "items") return Both(*in_a, *in_b);
  if (IsBound(keyword)) return Stricter(a, b, keyword);
  RefuseKeyword(b, keyword, "where another one holds too");
}

/// Values that both allow, when either names some.
std::optional<Value> SharedValues(const PlacedSchema& a, const PlacedSchema& b) {
  auto values = AllowedValues(a);
  const auto others = AllowedValues(b);
  if (!values) values = others;
  if (!values) return std::nullopt;
  if (others) {
    std::erase_if(*values, [&](const Value& value) {
      return std::ranges::none_of(*others, [&](const Value& other) {
        return CanonicalJson(other) == CanonicalJson(value);
      });
    });
  }
  return Value::List(std::move(*values));
}

void RefuseTuples(const PlacedSchema& a, const PlacedSchema& b) {
  const auto lists = [](const PlacedSchema& schema) {
    return schema.Find("items") != nullptr || schema.Find("prefixItems") != nullptr;
  };
  if (lists(b) && a.Find("prefixItems") != nullptr) RefuseKeyword(a, "prefixItems", "in \"allOf\"");
  if (lists(a) && b.Find("prefixItems") != nullptr) RefuseKeyword(b, "prefixItems", "in \"allOf\"");
}

}  // namespace

PlacedSchema MergeSchemas(const PlacedSchema& a, const PlacedSchema& b) {
  for (const PlacedSchema* schema : {&a, &b}) {
    const PlacedSchema& other = schema == &a ? b : a;
    if (!schema->value.is_bool()) {
      if (!schema->value.is_object()) RefuseValue(*schema, "an object, true or false");
      continue;
    }
    return {schema->value.as_bool() ? other.value : schema->value, a.path};
  }
  RefuseTuples(a, b);
  Entries merged;
  MergeMembers(a, b, merged);
  if (auto values = SharedValues(a, b)) merged.emplace_back("enum", std::move(*values));
  if (a.Find("type") != nullptr || b.Find("type") != nullptr) {
    merged.emplace_back("type", SharedTypes(a, b));
  }
  const auto separately = [](const std::string& keyword) {
    return keyword == "properties" || keyword == "additionalProperties" || keyword == "enum" ||
           keyword == "const" || keyword == "type" || keyword == "$id" || IsAnnotation(keyword);
  };
  for (const PlacedSchema* schema : {&a, &b}) {
    for (const Value::Entry& entry : schema->value.entries()) {
      const std::string& keyword = entry.key.as_string();
      const bool done = schema == &b && a.Find(keyword) != nullptr;
      if (!done && !separately(keyword)) merged.emplace_back(keyword, MergeKeyword(a, b, keyword));
    }
  }
  return {Value::Object(std::move(merged)), a.path};
}

}  // namespace hyprstream::engine
