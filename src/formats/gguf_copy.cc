#include "formats/gguf_types.h"
#include "formats/gguf_writer.h"

namespace hyprstream::formats {
namespace {

template <typename To, typename From>
std::vector<To> Narrowed(const std::vector<From>& values) {
  std::vector<To> narrowed;
  narrowed.reserve(values.size());
  for (const From& value : values) narrowed.push_back(static_cast<To>(value));
  return narrowed;
}

/// Back from the wide type that every value is read into to the one it has in the file.
struct FieldOf {
  GgufType type;  // of the value, or of an array's elements

  GgufField operator()(uint64_t value) const {
    if (type == GgufType::kU64) return value;
    return static_cast<uint32_t>(value);
  }
  GgufField operator()(int64_t value) const {
    if (type == GgufType::kI64) return value;
    return static_cast<int32_t>(value);
  }
  GgufField operator()(double value) const {
    if (type == GgufType::kF64) return value;
    return static_cast<float>(value);
  }
  GgufField operator()(bool value) const { return value; }
  GgufField operator()(std::string_view value) const { return std::string(value); }
  GgufField operator()(const std::vector<uint64_t>& values) const {
    if (type == GgufType::kU64) return values;
    return Narrowed<uint32_t>(values);
  }
  GgufField operator()(const std::vector<int64_t>& values) const {
    if (type == GgufType::kI64) return values;
    return Narrowed<int32_t>(values);
  }
  GgufField operator()(const std::vector<double>& values) const {
    if (type == GgufType::kF64) return values;
    return Narrowed<float>(values);
  }
  GgufField operator()(const std::vector<bool>& values) const { return values; }
  GgufField operator()(const GgufValue::Strings& values) const {
    return Narrowed<std::string>(values);
  }
};

}  // namespace

std::vector<std::pair<std::string, GgufField>> CopyMetadata(const GgufFile& file) {
  std::vector<std::pair<std::string, GgufField>> fields;
  for (const auto& [key, value] : file.metadata()) {
    if (key.starts_with("split.") || key == "general.alignment") continue;
    const bool array = static_cast<GgufType>(value.type) == GgufType::kArray;
    const auto type = static_cast<GgufType>(array ? value.element_type : value.type);
    fields.emplace_back(key, std::visit(FieldOf{type}, value.value));
  }
  return fields;
}

}  // namespace hyprstream::formats
