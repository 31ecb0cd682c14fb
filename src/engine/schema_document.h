// A JSON Schema (draft 2020-12, https://json-schema.org/draft/2020-12) as a document: its
// references, what its keywords say about types, and several schemas put together into one. Only
// what a grammar can be made of; all else is refused by name. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/json_value.h"

namespace hyprstream::engine {

/// A schema and its place in the request: "response_format.json_schema.schema.properties.a".
struct PlacedSchema {
  text::Value value;
  std::string path;

  const text::Value* Find(std::string_view keyword) const { return value.Find(keyword); }
  /// Of a keyword or something in it.
  PlacedSchema At(const text::Value& inner, std::string_view name) const {
    return {inner, path + "." + std::string(name)};
  }
  PlacedSchema At(const text::Value& inner, std::string_view keyword, size_t index) const {
    return {inner, path + "." + std::string(keyword) + "[" + std::to_string(index) + "]"};
  }
};

class SchemaDocument {
 public:
  explicit SchemaDocument(PlacedSchema root) : root_(std::move(root)) {}

  const PlacedSchema& root() const { return root_; }
  /// Errors: kInvalidArgument when nothing is there; kUnsupported for another document.
  PlacedSchema Resolve(const PlacedSchema& from, const std::string& reference) const;
  /// The same without "$ref" and "allOf", which are put together with what stands beside them.
  /// Errors: kUnsupported for what cannot be; kLimit when it never ends.
  PlacedSchema Flatten(const PlacedSchema& schema, int depth = 0) const;
  /// No value fits both; false when that is not known.
  bool NeverBoth(const PlacedSchema& a, const PlacedSchema& b) const;

 private:
  PlacedSchema root_;
};

/// Errors: kUnsupported naming the first keyword that we do not have, and its place.
void CheckKeywords(const PlacedSchema& schema, bool is_root);
/// Keywords that say nothing about a value.
bool IsAnnotation(std::string_view keyword);
/// What is left without some keywords and without annotations.
text::Value WithoutKeywords(const text::Value& schema, const std::vector<std::string_view>& names);

/// "string", "integer", …: of "type" (or all there are); "number" is always with "integer".
/// Errors: kInvalidArgument.
std::vector<std::string> AllowedTypes(const PlacedSchema& schema);
/// Those for which values are made: without "type", what the other keywords speak of.
std::vector<std::string> MadeTypes(const PlacedSchema& schema);
/// "enum" or "const", as far as "type" allows them; nothing without both.
std::optional<std::vector<text::Value>> AllowedValues(const PlacedSchema& schema);

/// Equal for values that JSON Schema holds equal: 1 and 1.0, members in any order.
std::string CanonicalJson(const text::Value& value);

[[noreturn]] void RefuseKeyword(const PlacedSchema& schema, std::string_view keyword,
                                const std::string& why = "");
[[noreturn]] void RefuseValue(const PlacedSchema& schema, const std::string& expected);

}  // namespace hyprstream::engine
