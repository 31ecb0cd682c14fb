#include "formats/safetensors_header.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "formats/json_events.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr std::string_view kWhat = "the safetensors header";
constexpr std::string_view kMetadataKey = "__metadata__";

constexpr DType kTypes[] = {DType::kBool,       DType::kF4,         DType::kF6E2M3, DType::kF6E3M2,
                            DType::kU8,         DType::kI8,         DType::kF8E5M2, DType::kF8E4M3,
                            DType::kF8E8M0,     DType::kF8E4M3FNUZ, DType::kU16,    DType::kI16,
                            DType::kF8E5M2FNUZ, DType::kF16,        DType::kBF16,   DType::kI32,
                            DType::kU32,        DType::kF32,        DType::kC64,    DType::kF64,
                            DType::kI64,        DType::kU64};

/// Follows the header's grammar: {name: {dtype, shape, data_offsets}, "__metadata__": {key: text}}.
class HeaderListener : public JsonListener {
 public:
  explicit HeaderListener(SafetensorsHeader& header) : header_(header) {}

  void BeginObject() override {
    switch (place_) {
      case Place::kStart:
        place_ = Place::kTop;
        return;
      case Place::kTensorValue:
        place_ = Place::kTensor;
        entry_ = {.name = name_};
        seen_ = {};
        return;
      case Place::kMetadataValue:
        place_ = Place::kMetadata;
        return;
      default:
        Wrong("an object");
    }
  }

  void EndObject() override {
    switch (place_) {
      case Place::kTop:
        place_ = Place::kEnd;
        return;
      case Place::kTensor:
        FinishTensor();
        return;
      case Place::kMetadata:
        place_ = Place::kTop;
        return;
      default:
        Wrong("the end of an object");
    }
  }

  void BeginArray() override {
    if (place_ == Place::kShapeValue) {
      place_ = Place::kShape;
    } else if (place_ == Place::kOffsetsValue) {
      place_ = Place::kOffsets;
    } else {
      Wrong("an array");
    }
    numbers_.clear();
  }

  void EndArray() override {
    if (place_ == Place::kShape) {
      FinishShape();
    } else {
      FinishOffsets();
    }
    place_ = Place::kTensor;
  }

  void Key(std::string key) override {
    switch (place_) {
      case Place::kTop:
        return BeginMember(std::move(key));
      case Place::kTensor:
        return BeginField(key);
      default:
        name_ = std::move(key);
        return;  // in __metadata__
    }
  }

  void String(std::string value) override {
    if (place_ == Place::kMetadata) {
      header_.metadata.emplace(std::move(name_), std::move(value));
      return;
    }
    if (place_ != Place::kDTypeValue) Wrong("a string");
    const std::optional<DType> type = SafetensorsDType(value);
    if (!type) Fail("has an unknown dtype", "one of safetensors' types", Quote(value));
    entry_.dtype = *type;
    seen_.dtype = true;
    place_ = Place::kTensor;
  }

  void Unsigned(uint64_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) Wrong("a number");
    if (value > static_cast<uint64_t>(INT64_MAX)) {
      Fail("has a number that no file can hold", "less than 2^63", std::to_string(value));
    }
    if (numbers_.size() > Shape::kMaxRank) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "tensor " + Quote(entry_.name) + " has too many dimensions",
                   .expected = "at most " + std::to_string(Shape::kMaxRank)});
    }
    numbers_.push_back(static_cast<int64_t>(value));
  }

  void Negative(int64_t value) override { Wrong("the negative number " + std::to_string(value)); }
  void Double(double value) override { Wrong("the number " + std::to_string(value)); }
  void Bool(bool) override { Wrong("a truth value"); }
  void Null() override { Wrong("null"); }

 private:
  enum class Place {
    kStart,
    kTop,
    kTensorValue,
    kTensor,
    kDTypeValue,
    kShapeValue,
    kShape,
    kOffsetsValue,
    kOffsets,
    kMetadataValue,
    kMetadata,
    kEnd
  };
  struct Seen {
    bool dtype = false;
    bool shape = false;
    bool offsets = false;
  };

  [[noreturn]] void Fail(std::string_view problem, std::string expected, std::string found) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "tensor " + Quote(name_) + " " + std::string(problem),
                 .expected = std::move(expected),
                 .found = std::move(found)});
  }

  [[noreturn]] void Wrong(std::string found) {
    ErrorDetail detail{.message = std::string(kWhat) + " is not as the format wants it",
                       .found = std::move(found)};
    switch (place_) {
      case Place::kStart:
        detail.expected = "an object of tensors";
        break;
      case Place::kTensorValue:
        detail.expected = "an object";
        break;
      case Place::kDTypeValue:
        detail.expected = "a string";
        break;
      case Place::kShapeValue:
      case Place::kOffsetsValue:
        detail.expected = "an array of numbers";
        break;
      case Place::kShape:
      case Place::kOffsets:
        detail.expected = "a whole number, not negative";
        break;
      case Place::kMetadataValue:
        detail.expected = "an object of strings";
        break;
      case Place::kMetadata:
        detail.expected = "a string";
        break;
      default:
        break;
    }
    if (!name_.empty()) detail.where = Quote(name_) + (field_.empty() ? "" : ", " + field_);
    throw Error(ErrorCode::kDataLoss, std::move(detail));
  }

  void BeginMember(std::string key) {
    name_ = std::move(key);
    field_.clear();
    if (name_ == kMetadataKey) {
      place_ = Place::kMetadataValue;
      return;
    }
    if (!IsCleanName(name_)) {
      Fail("has a name that is not allowed", "text without control characters",
           name_.empty() ? "an empty name" : "a control character");
    }
    place_ = Place::kTensorValue;
  }

  void BeginField(const std::string& key) {
    field_ = key;
    if (key == "dtype") {
      place_ = Place::kDTypeValue;
    } else if (key == "shape") {
      place_ = Place::kShapeValue;
    } else if (key == "data_offsets") {
      place_ = Place::kOffsetsValue;
    } else {
      Fail("has an unknown field", "dtype, shape and data_offsets", Quote(key));
    }
  }

  void FinishShape() {
    if (numbers_.size() > Shape::kMaxRank) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "tensor " + Quote(entry_.name) + " has too many dimensions",
                   .expected = "at most " + std::to_string(Shape::kMaxRank)});
    }
    entry_.shape = Shape(numbers_);
    seen_.shape = true;
  }

  void FinishOffsets() {
    if (numbers_.size() != 2) {
      Fail("has wrong data_offsets", "two numbers", std::to_string(numbers_.size()));
    }
    entry_.begin = static_cast<uint64_t>(numbers_[0]);
    entry_.end = static_cast<uint64_t>(numbers_[1]);
    seen_.offsets = true;
  }

  void FinishTensor() {
    const char* missing = !seen_.dtype     ? "dtype"
                          : !seen_.shape   ? "shape"
                          : !seen_.offsets ? "data_offsets"
                                           : nullptr;
    if (missing != nullptr) Fail("is described incompletely", missing, "no such field");
    header_.entries.push_back(std::move(entry_));
    place_ = Place::kTop;
  }

  SafetensorsHeader& header_;
  Place place_ = Place::kStart;
  std::string name_;   // of the tensor, or the key in __metadata__
  std::string field_;  // of the tensor
  SafetensorsEntry entry_;
  Seen seen_;
  std::vector<int64_t> numbers_;
};

/// Nothing when the product overflows or is not a whole number of bytes.
std::optional<uint64_t> ByteCount(const SafetensorsEntry& entry) {
  const std::optional<int64_t> elements = CheckedElementCount(entry.shape);
  if (!elements) return std::nullopt;
  uint64_t bits = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(*elements),
                             static_cast<uint64_t>(Info(entry.dtype).block_bits), &bits) ||
      bits % 8 != 0) {
    return std::nullopt;
  }
  return bits / 8;
}

[[noreturn]] void FailEntry(const SafetensorsEntry& entry, std::string_view problem,
                            std::string expected, std::string found) {
  throw Error(ErrorCode::kDataLoss,
              {.message = "tensor " + Quote(entry.name) + " " + std::string(problem),
               .expected = std::move(expected),
               .found = std::move(found),
               .where = "data offsets [" + std::to_string(entry.begin) + ", " +
                        std::to_string(entry.end) + ")"});
}

void CheckEntry(const SafetensorsEntry& entry) {
  if (entry.end < entry.begin) {
    FailEntry(entry, "ends before it begins", "begin ≤ end", std::to_string(entry.end));
  }
  const std::optional<uint64_t> bytes = ByteCount(entry);
  const std::string what = std::string(Name(entry.dtype)) + " " + entry.shape.ToString();
  if (!bytes) FailEntry(entry, "has an impossible shape", "a size in whole bytes", what);
  if (*bytes != entry.end - entry.begin) {
    FailEntry(entry, "has data of the wrong size", std::to_string(*bytes) + " bytes for " + what,
              std::to_string(entry.end - entry.begin));
  }
}

/// The entries must cover [0, data_size) exactly, one after the other.
void CheckCover(std::vector<SafetensorsEntry>& entries, uint64_t data_size) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.begin != b.begin ? a.begin < b.begin
           : a.end != b.end   ? a.end < b.end
                              : a.name < b.name;
  });
  uint64_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    CheckEntry(entry);
    if (entry.begin != covered) {
      FailEntry(entry,
                entry.begin < covered ? "overlaps the one before it" : "leaves a hole before it",
                "begin at " + std::to_string(covered), std::to_string(entry.begin));
    }
    if (entry.end > data_size) {
      FailEntry(entry, "ends beyond the file", "at most " + std::to_string(data_size),
                std::to_string(entry.end));
    }
    covered = entry.end;
  }
  if (covered != data_size) {
    throw Error(ErrorCode::kDataLoss, {.message = "the file goes on after its last tensor",
                                       .expected = std::to_string(covered) + " bytes of data",
                                       .found = std::to_string(data_size),
                                       .hint = "the file is damaged; download it again"});
  }
}

[[noreturn]] void FailLength(std::string message, std::string expected, std::string found) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message),
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = "offset 0",
                                     .hint = "the file is damaged or not a safetensors file"});
}

}  // namespace

std::optional<DType> SafetensorsDType(std::string_view name) {
  for (const DType type : kTypes) {
    if (Name(type) == name) return type;
  }
  return std::nullopt;
}

SafetensorsHeader ReadSafetensorsHeader(std::span<const std::byte> file) {
  if (file.size() < 8) {
    FailLength("the file is too short for a safetensors file", "at least 8 bytes",
               std::to_string(file.size()));
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  if (length > kMaxSafetensorsHeader) {
    FailLength("the safetensors header is too long",
               "at most " + std::to_string(kMaxSafetensorsHeader) + " bytes",
               std::to_string(length));
  }
  if (length > file.size() - 8) {
    FailLength("the file ends inside its safetensors header",
               std::to_string(length) + " bytes of header", std::to_string(file.size() - 8));
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + 8, length);
  if (!text.starts_with('{')) {
    FailLength("the safetensors header does not begin with {", "{",
               text.empty() ? "an empty header" : Quote(text.substr(0, 1)));
  }
  SafetensorsHeader header;
  HeaderListener listener(header);
  ReadJson(text, kWhat, listener);
  header.data_begin = 8 + length;
  CheckCover(header.entries, file.size() - header.data_begin);
  return header;
}

}  // namespace hyprstream::formats
