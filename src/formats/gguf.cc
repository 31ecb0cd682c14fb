#include "formats/gguf.h"

#include "formats/gguf_parser.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

[[noreturn]] void WrongType(const GgufFile& file, std::string_view key, std::string expected,
                            std::string found) {
  throw Error(ErrorCode::kDataLoss, {.message = "metadata key " + Quote(key) + " has a wrong value",
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = file.path().string()});
}

std::string TypeText(const GgufValue& value) {
  return "a value of type " + std::to_string(value.type);
}

}  // namespace

std::shared_ptr<const GgufFile> GgufFile::Open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> mapping = MappedFile::Open(path);
  RefuseLfsPointer(mapping->bytes(), path);
  std::shared_ptr<GgufFile> file(new GgufFile);
  file->file_ = std::move(mapping);
  try {
    GgufParser(*file).Parse();
  } catch (const Error& error) {
    throw error.Within(path.string());
  }
  return file;
}

const NamedTensor* GgufFile::Find(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

const GgufValue* GgufFile::Get(std::string_view key) const {
  const auto found = metadata_index_.find(key);
  return found == metadata_index_.end() ? nullptr : &metadata_[found->second].second;
}

std::optional<std::string_view> GgufFile::GetString(std::string_view key) const {
  const GgufValue* value = Get(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string_view>(&value->value);
  if (text == nullptr) WrongType(*this, key, "a string", TypeText(*value));
  return *text;
}

std::optional<uint64_t> GgufFile::GetUint(std::string_view key) const {
  const GgufValue* value = Get(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<uint64_t>(&value->value)) return *number;
  if (const auto* number = std::get_if<int64_t>(&value->value)) {
    if (*number < 0) WrongType(*this, key, "a number not below 0", std::to_string(*number));
    return static_cast<uint64_t>(*number);
  }
  WrongType(*this, key, "an integer", TypeText(*value));
}

std::optional<double> GgufFile::GetFloat(std::string_view key) const {
  const GgufValue* value = Get(key);
  if (value == nullptr) return std::nullopt;
  const auto* number = std::get_if<double>(&value->value);
  if (number == nullptr) WrongType(*this, key, "a floating-point number", TypeText(*value));
  return *number;
}

std::optional<bool> GgufFile::GetBool(std::string_view key) const {
  const GgufValue* value = Get(key);
  if (value == nullptr) return std::nullopt;
  const auto* truth = std::get_if<bool>(&value->value);
  if (truth == nullptr) WrongType(*this, key, "a truth value", TypeText(*value));
  return *truth;
}

}  // namespace hyprstream::formats
