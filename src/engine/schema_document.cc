#include "engine/schema_document.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "engine/schema_merge.h"

namespace hyprstream::engine {
namespace {

using text::Value;
using Kind = Value::Kind;
using Types = std::vector<std::string>;

constexpr int kMostDepth = 64;

constexpr std::array kAnnotations = {
    "title",      "description", "default",   "examples", "$schema",     "$comment",
    "deprecated", "readOnly",    "writeOnly", "$defs",    "definitions",
};
constexpr std::array kUnderstood = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "enum",
    "const",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
};
constexpr std::array kTypes = {"object", "array", "string", "number", "integer", "boolean", "null"};

bool Holds(const Types& types, std::string_view type) {
  return std::ranges::find(types, type) != types.end();
}

Types TypesOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
      return {"null"};
    case Kind::kBool:
      return {"boolean"};
    case Kind::kInt:
    case Kind::kBigInt:
      return {"integer", "number"};
    case Kind::kFloat:
      if (value.as_float() == std::floor(value.as_float())) return {"integer", "number"};
      return {"number"};
    case Kind::kString:
      return {"string"};
    case Kind::kList:
      return {"array"};
    default:
      return {"object"};
  }
}

/// The part of a pointer between slashes, as a key (RFC 6901).
std::string PointerKey(std::string_view part) {
  std::string key;
  for (size_t i = 0; i < part.size(); ++i) {
    const bool escaped = part[i] == '~' && i + 1 < part.size();
    key += !escaped ? part[i] : part[++i] == '1' ? '/' : '~';
  }
  return key;
}

bool Share(const Types& a, const Types& b) {
  return std::ranges::any_of(a, [&](const std::string& type) { return Holds(b, type); });
}

std::vector<std::string> Canonical(const std::vector<Value>& values) {
  std::vector<std::string> texts;
  for (const Value& value : values) texts.push_back(CanonicalJson(value));
  return texts;
}

/// The types that a value may have, for telling schemas apart.
Types PossibleTypes(const PlacedSchema& schema) {
  const auto values = AllowedValues(schema);
  if (!values) return AllowedTypes(schema);
  Types types;
  for (const Value& value : *values) {
    for (const std::string& type : TypesOf(value)) types.push_back(type);
  }
  return types;
}

bool Requires(const PlacedSchema& schema, const Value& name) {
  const Value* required = schema.Find("required");
  if (required == nullptr || !required->is_list()) return false;
  return std::ranges::any_of(required->items(), [&](const Value& item) {
    return item.is_string() && item.as_string() == name.as_string();
  });
}

bool DifferentValues(const PlacedSchema& a, const PlacedSchema& b) {
  const auto values_a = AllowedValues(a);
  const auto values_b = AllowedValues(b);
  if (!values_a || !values_b) return false;
  return !Share(Canonical(*values_a), Canonical(*values_b));
}

}  // namespace

void RefuseKeyword(const PlacedSchema& schema, std::string_view keyword, const std::string& why) {
  const std::string path = schema.path + "." + std::string(keyword);
  throw Error(ErrorCode::kUnsupported,
              {.message = "\"" + std::string(keyword) + "\" of a JSON schema is not supported" +
                          (why.empty() ? "" : " " + why),
               .found = path,
               .where = path});
}

void RefuseValue(const PlacedSchema& schema, const std::string& expected) {
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "wrong value in a JSON schema at " + schema.path,
               .expected = expected,
               .where = schema.path});
}

bool IsAnnotation(std::string_view keyword) {
  return std::ranges::find(kAnnotations, keyword) != kAnnotations.end();
}

void CheckKeywords(const PlacedSchema& schema, bool is_root) {
  for (const Value::Entry& entry : schema.value.entries()) {
    const std::string& keyword = entry.key.as_string();
    const bool understood = std::ranges::find(kUnderstood, keyword) != kUnderstood.end();
    // An "$id" further down would change what references mean.
    if (understood || IsAnnotation(keyword) || (is_root && keyword == "$id")) continue;
    RefuseKeyword(schema, keyword);
  }
}

Value WithoutKeywords(const Value& schema, const std::vector<std::string_view>& names) {
  std::vector<std::pair<std::string, Value>> kept;
  for (const Value::Entry& entry : schema.entries()) {
    const std::string& keyword = entry.key.as_string();
    if (IsAnnotation(keyword) || keyword == "$id") continue;
    if (std::ranges::find(names, keyword) != names.end()) continue;
    kept.emplace_back(keyword, entry.value);
  }
  return Value::Object(std::move(kept));
}

PlacedSchema SchemaDocument::Resolve(const PlacedSchema& from, const std::string& reference) const {
  if (reference.empty() || reference.front() != '#') {
    RefuseKeyword(from, "$ref", "for other documents");
  }
  if (reference.size() > 1 && reference[1] != '/') RefuseKeyword(from, "$ref", "for anchors");
  PlacedSchema at = root_;
  for (size_t begin = 1; begin < reference.size();) {
    const size_t end = std::min(reference.find('/', begin + 1), reference.size());
    const std::string key =
        PointerKey(std::string_view(reference).substr(begin + 1, end - begin - 1));
    const Value* inner = at.value.Find(key);
    if (inner == nullptr && at.value.is_list() && !key.empty() && key.size() < 7 &&
        key.find_first_not_of("0123456789") == std::string::npos) {
      const size_t index = std::stoul(key);
      if (index < at.value.items().size()) inner = &at.value.items()[index];
    }
    if (inner == nullptr) RefuseValue(from.At(from.value, "$ref"), "the place of a schema");
    at = at.At(Value(*inner), key);
    begin = end;
  }
  return at;
}

PlacedSchema SchemaDocument::Flatten(const PlacedSchema& schema, int depth) const {
  if (!schema.value.is_object()) return schema;
  if (depth > kMostDepth) {
    throw Error(ErrorCode::kLimit,
                {.message = "a JSON schema's references never end", .where = schema.path});
  }
  CheckKeywords(schema, schema.path == root_.path);
  const Value* reference = schema.Find("$ref");
  const Value* all = schema.Find("allOf");
  if (reference == nullptr && all == nullptr) return schema;
  PlacedSchema merged{WithoutKeywords(schema.value, {"$ref", "allOf"}), schema.path};
  if (reference != nullptr) {
    if (!reference->is_string()) RefuseValue(schema.At(*reference, "$ref"), "a string");
    merged = MergeSchemas(merged, Flatten(Resolve(schema, reference->as_string()), depth + 1));
  }
  if (all == nullptr) return merged;
  if (!all->is_list()) RefuseValue(schema.At(*all, "allOf"), "an array");
  for (size_t i = 0; i < all->items().size(); ++i) {
    merged = MergeSchemas(merged, Flatten(schema.At(all->items()[i], "allOf", i), depth + 1));
  }
  return merged;
}

bool SchemaDocument::NeverBoth(const PlacedSchema& one, const PlacedSchema& other) const {
  const PlacedSchema a = Flatten(one);
  const PlacedSchema b = Flatten(other);
  if (!a.value.is_object() || !b.value.is_object()) {
    const auto never = [](const Value& value) { return value.is_bool() && !value.as_bool(); };
    return never(a.value) || never(b.value);
  }
  if (DifferentValues(a, b)) return true;
  if (!Share(PossibleTypes(a), PossibleTypes(b))) return true;
  // Objects that a member tells apart.
  if (AllowedTypes(a) != Types{"object"} || AllowedTypes(b) != Types{"object"}) return false;
  const Value* properties_a = a.Find("properties");
  const Value* properties_b = b.Find("properties");
  if (properties_a == nullptr || properties_b == nullptr || !properties_a->is_object())
    return false;
  return std::ranges::any_of(properties_a->entries(), [&](const Value::Entry& entry) {
    const Value* counterpart = properties_b->Find(entry.key.as_string());
    if (counterpart == nullptr || !Requires(a, entry.key) || !Requires(b, entry.key)) return false;
    const PlacedSchema left = Flatten({entry.value, a.path});
    const PlacedSchema right = Flatten({*counterpart, b.path});
    if (!left.value.is_object() || !right.value.is_object()) return false;
    return DifferentValues(left, right);
  });
}

Types AllowedTypes(const PlacedSchema& schema) {
  const Value* type = schema.Find("type");
  if (type == nullptr) return Types(kTypes.begin(), kTypes.end());
  Types types;
  const std::vector<Value> named = type->is_list() ? type->items() : std::vector<Value>{*type};
  for (const Value& name : named) {
    const bool known =
        name.is_string() && std::ranges::find(kTypes, name.as_string()) != kTypes.end();
    if (!known) RefuseValue(schema.At(*type, "type"), "the name of a type, or an array of names");
    if (!Holds(types, name.as_string())) types.push_back(name.as_string());
  }
  if (Holds(types, "number") && !Holds(types, "integer")) types.emplace_back("integer");
  return types;
}

Types MadeTypes(const PlacedSchema& schema) {
  if (schema.Find("type") != nullptr) return AllowedTypes(schema);
  const auto any = [&](std::initializer_list<const char*> keywords) {
    return std::ranges::any_of(keywords, [&](const char* k) { return schema.Find(k) != nullptr; });
  };
  Types types;
  if (any({"properties", "required", "additionalProperties"})) types.emplace_back("object");
  if (any({"items", "prefixItems", "minItems", "maxItems"})) types.emplace_back("array");
  if (any({"minLength", "maxLength"})) types.emplace_back("string");
  if (any({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})) {
    types.emplace_back("number");
    types.emplace_back("integer");
  }
  return types.empty() ? Types(kTypes.begin(), kTypes.end()) : types;
}

std::optional<std::vector<Value>> AllowedValues(const PlacedSchema& schema) {
  const Value* one = schema.Find("const");
  const Value* some = schema.Find("enum");
  if (one == nullptr && some == nullptr) return std::nullopt;
  if (some != nullptr && !some->is_list()) RefuseValue(schema.At(*some, "enum"), "an array");
  std::vector<Value> values = some != nullptr ? some->items() : std::vector<Value>{*one};
  const Types types = AllowedTypes(schema);
  std::erase_if(values, [&](const Value& value) {
    const bool other = one != nullptr && CanonicalJson(value) != CanonicalJson(*one);
    // A fraction is a number but need not be an integer.
    return other || !Share(TypesOf(value), types);
  });
  return values;
}

std::string CanonicalJson(const Value& value) {
  if (value.is_list()) {
    std::string text = "[";
    for (const Value& item : value.items()) text += CanonicalJson(item) + ",";
    return text + "]";
  }
  if (value.is_object()) {
    std::vector<std::string> members;
    for (const Value::Entry& entry : value.entries()) {
      members.push_back(text::WriteJson(entry.key) + ":" + CanonicalJson(entry.value) + ",");
    }
    std::ranges::sort(members);
    std::string text = "{";
    for (const std::string& member : members) text += member;
    return text + "}";
  }
  if (value.kind() == Kind::kFloat && std::abs(value.as_float()) < 0x1p53 &&
      value.as_float() == std::floor(value.as_float())) {
    return std::to_string(static_cast<int64_t>(value.as_float()));
  }
  return text::WriteJson(value);
}

}  // namespace hyprstream::engine
