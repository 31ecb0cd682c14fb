#include "formats/gguf_metadata.h"

#include "base/memory_budget.h"
#include "formats/gguf_types.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr std::string_view kWhat = "a metadata value";

[[noreturn]] void Fail(std::string_view key, uint64_t offset, std::string problem,
                       std::string expected, std::string found) {
  throw Error(ErrorCode::kDataLoss,
              {.message = std::move(problem),
               .expected = std::move(expected),
               .found = std::move(found),
               .where = "metadata key " + Quote(key) + ", offset " + std::to_string(offset)});
}

bool ReadBool(ByteReader& reader, std::string_view key) {
  const uint64_t offset = reader.offset();
  const auto byte = reader.Number<uint8_t>(kWhat);
  if (byte > 1) Fail(key, offset, "a truth value is neither", "0 or 1", std::to_string(byte));
  return byte == 1;
}

/// `Wide` is the type that the value keeps, `Stored` the one in the file.
template <typename Wide, typename Stored>
std::vector<Wide> ReadNumbers(ByteReader& reader, uint64_t count) {
  const auto bytes = reader.Take(count * sizeof(Stored), kWhat);
  std::vector<Wide> numbers(count);
  for (uint64_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    numbers[i] = static_cast<Wide>(stored);
  }
  return numbers;
}

void CheckArraySize(const ByteReader& reader, std::string_view key, uint64_t count,
                    uint64_t least_bytes, uint64_t kept_bytes, uint64_t& array_bytes_left) {
  if (count > reader.left() / least_bytes) {
    Fail(key, reader.offset(), "an array is larger than the file",
         "at most " + std::to_string(reader.left() / least_bytes) + " elements",
         std::to_string(count));
  }
  if (count > array_bytes_left / kept_bytes) {
    throw Error(ErrorCode::kLimit,
                {.message = "the metadata's arrays are too large",
                 .expected = "at most " + FormatBytes({kMaxGgufArrayBytes}) + " in memory",
                 .found = std::to_string(count) + " elements in one",
                 .where = "metadata key " + Quote(key)});
  }
  array_bytes_left -= count * kept_bytes;
}

void ReadArray(ByteReader& reader, std::string_view key, uint64_t& array_bytes_left,
               GgufValue& value) {
  value.element_type = reader.Number<uint32_t>(kWhat);
  const auto count = reader.Number<uint64_t>(kWhat);
  const auto type = static_cast<GgufType>(value.element_type);
  if (type == GgufType::kString) {
    CheckArraySize(reader, key, count, 8, sizeof(std::string_view), array_bytes_left);
    GgufValue::Strings strings;
    strings.reserve(count);
    for (uint64_t i = 0; i < count; ++i) strings.push_back(reader.String(kWhat));
    value.value = std::move(strings);
    return;
  }
  const auto bytes = GgufElementBytes(value.element_type);
  if (!bytes) {
    Fail(key, reader.offset(), "an array has elements of a wrong type",
         "numbers, truth values or strings", "type " + std::to_string(value.element_type));
  }
  CheckArraySize(reader, key, count, *bytes, 8, array_bytes_left);
  switch (type) {
    case GgufType::kU8:
      value.value = ReadNumbers<uint64_t, uint8_t>(reader, count);
      return;
    case GgufType::kU16:
      value.value = ReadNumbers<uint64_t, uint16_t>(reader, count);
      return;
    case GgufType::kU32:
      value.value = ReadNumbers<uint64_t, uint32_t>(reader, count);
      return;
    case GgufType::kU64:
      value.value = ReadNumbers<uint64_t, uint64_t>(reader, count);
      return;
    case GgufType::kI8:
      value.value = ReadNumbers<int64_t, int8_t>(reader, count);
      return;
    case GgufType::kI16:
      value.value = ReadNumbers<int64_t, int16_t>(reader, count);
      return;
    case GgufType::kI32:
      value.value = ReadNumbers<int64_t, int32_t>(reader, count);
      return;
    case GgufType::kI64:
      value.value = ReadNumbers<int64_t, int64_t>(reader, count);
      return;
    case GgufType::kF32:
      value.value = ReadNumbers<double, float>(reader, count);
      return;
    case GgufType::kF64:
      value.value = ReadNumbers<double, double>(reader, count);
      return;
    default:
      break;
  }
  std::vector<bool> truths(count);
  for (uint64_t i = 0; i < count; ++i) truths[i] = ReadBool(reader, key);
  value.value = std::move(truths);
}

}  // namespace

GgufValue ReadGgufValue(ByteReader& reader, std::string_view key, uint64_t& array_bytes_left) {
  GgufValue value;
  const uint64_t offset = reader.offset();
  value.type = reader.Number<uint32_t>(kWhat);
  switch (static_cast<GgufType>(value.type)) {
    case GgufType::kU8:
      value.value = uint64_t{reader.Number<uint8_t>(kWhat)};
      break;
    case GgufType::kU16:
      value.value = uint64_t{reader.Number<uint16_t>(kWhat)};
      break;
    case GgufType::kU32:
      value.value = uint64_t{reader.Number<uint32_t>(kWhat)};
      break;
    case GgufType::kU64:
      value.value = reader.Number<uint64_t>(kWhat);
      break;
    case GgufType::kI8:
      value.value = int64_t{reader.Number<int8_t>(kWhat)};
      break;
    case GgufType::kI16:
      value.value = int64_t{reader.Number<int16_t>(kWhat)};
      break;
    case GgufType::kI32:
      value.value = int64_t{reader.Number<int32_t>(kWhat)};
      break;
    case GgufType::kI64:
      value.value = reader.Number<int64_t>(kWhat);
      break;
    case GgufType::kF32:
      value.value = double{reader.Number<float>(kWhat)};
      break;
    case GgufType::kF64:
      value.value = reader.Number<double>(kWhat);
      break;
    case GgufType::kBool:
      value.value = ReadBool(reader, key);
      break;
    case GgufType::kString:
      value.value = reader.String(kWhat);
      break;
    case GgufType::kArray:
      ReadArray(reader, key, array_bytes_left, value);
      break;
    default:
      Fail(key, offset, "a metadata value has an unknown type", "a type from 0 to 12",
           std::to_string(static_cast<int32_t>(value.type)));
  }
  return value;
}

}  // namespace hyprstream::formats
