#include "formats/gguf_parser.h"

#include <algorithm>
#include <array>

#include "formats/gguf_metadata.h"
#include "formats/gguf_types.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr uint64_t kMaxKeyBytes = 65535;
constexpr uint64_t kMaxDimensions = 4;
// The least that a key-value pair and a tensor's description take in the file.
constexpr uint64_t kLeastKeyValueBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastInfoBytes = 8 + 1 + 4 + 4 + 8;

std::string At(uint64_t offset) { return "offset " + std::to_string(offset); }

[[noreturn]] void Fail(std::string message, std::string expected, std::string found,
                       std::string where) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message),
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = std::move(where)});
}

/// Nothing when it overflows.
std::optional<uint64_t> RoundUp(uint64_t value, uint64_t alignment) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(value, alignment - 1, &sum)) return std::nullopt;
  return sum / alignment * alignment;
}

/// Rows times bytes per row; nothing when a row is no whole number of blocks or it overflows.
std::optional<uint64_t> DataBytes(DType type, const Shape& shape) {
  const std::optional<int64_t> elements = CheckedElementCount(shape);
  const auto cols = static_cast<uint64_t>(shape[-1]);
  const std::optional<uint64_t> row = RowBytes(type, cols);
  if (!elements || !row) return std::nullopt;
  if (*elements == 0) return 0;
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(*elements) / cols, *row, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace

void GgufParser::Parse() {
  ReadVersion();
  const auto tensor_count = reader_.Number<uint64_t>("the header");
  const auto metadata_count = reader_.Number<uint64_t>("the header");
  if (metadata_count > reader_.left() / kLeastKeyValueBytes) {
    Fail("the file is too short for its number of metadata keys", "fewer keys",
         std::to_string(metadata_count), At(16));
  }
  ReadMetadata(metadata_count);
  if (tensor_count > reader_.left() / kLeastInfoBytes) {
    Fail("the file is too short for its number of tensors", "fewer tensors",
         std::to_string(tensor_count), At(8));
  }
  for (uint64_t i = 0; i < tensor_count; ++i) ReadTensorInfo();
  PlaceTensors(Alignment());
}

void GgufParser::ReadVersion() {
  const auto magic = reader_.Number<uint32_t>("the GGUF header");
  if (magic != kGgufMagic) {
    Fail("this is not a GGUF file", "the letters GGUF", "something else", At(0));
  }
  const auto version = reader_.Number<uint32_t>("the GGUF header");
  if ((version & 0xffffu) == 0) {
    throw Error(ErrorCode::kUnsupported, {.message = "the GGUF file is big-endian",
                                          .expected = "little-endian",
                                          .where = At(4),
                                          .hint = "convert it again for this byte order"});
  }
  if (version != 2 && version != 3) {
    throw Error(ErrorCode::kUnsupported, {.message = "this GGUF version cannot be read",
                                          .expected = "version 2 or 3",
                                          .found = "version " + std::to_string(version),
                                          .where = At(4),
                                          .hint = "convert the model again with current tools"});
  }
  file_.version_ = version;
}

void GgufParser::ReadMetadata(uint64_t count) {
  uint64_t array_bytes_left = kMaxGgufArrayBytes;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = reader_.offset();
    const std::string_view key = reader_.String("a metadata key");
    if (key.size() > kMaxKeyBytes || !IsCleanName(key)) {
      Fail("a metadata key is not allowed", "1 to 65535 bytes without control characters",
           key.empty() ? "an empty key" : Quote(key), At(offset));
    }
    if (!file_.metadata_index_.emplace(std::string(key), file_.metadata_.size()).second) {
      Fail("a metadata key appears twice", "every key once", Quote(key), At(offset));
    }
    file_.metadata_.emplace_back(std::string(key), ReadGgufValue(reader_, key, array_bytes_left));
  }
}

uint64_t GgufParser::Alignment() const {
  constexpr std::string_view kKey = "general.alignment";
  const GgufValue* value = file_.Get(kKey);
  if (value == nullptr) return kGgufDefaultAlignment;
  const auto* number = std::get_if<uint64_t>(&value->value);
  if (number == nullptr || value->type != static_cast<uint32_t>(GgufType::kU32)) {
    Fail("general.alignment has a wrong type", "u32 (type 4)",
         "type " + std::to_string(value->type), "metadata");
  }
  if (*number < 8 || (*number & (*number - 1)) != 0) {
    Fail("general.alignment is impossible", "a power of two, at least 8", std::to_string(*number),
         "metadata");
  }
  return *number;
}

void GgufParser::ReadTensorInfo() {
  constexpr std::string_view kWhat = "a tensor's description";
  const uint64_t begin = reader_.offset();
  const std::string_view name = reader_.String(kWhat);
  if (name.size() > kGgufMaxTensorName || !IsCleanName(name)) {
    Fail("a tensor's name is not allowed", "1 to 63 bytes without control characters", Quote(name),
         At(begin));
  }
  if (!file_.tensor_index_.emplace(std::string(name), file_.tensors_.size()).second) {
    Fail("a tensor's name appears twice", "every name once", Quote(name), At(begin));
  }
  NamedTensor tensor{.name = std::string(name), .view = {}};
  tensor.view.shape = ReadShape(name);
  const std::string where = "tensor " + Quote(name) + ", " + At(reader_.offset());
  const auto type = reader_.Number<uint32_t>(kWhat);
  const std::optional<DType> dtype = GgufTensorType(type);
  if (!dtype) Fail("a tensor has an unknown type", "a GGUF type", std::to_string(type), where);
  tensor.view.dtype = *dtype;
  const std::optional<uint64_t> bytes = DataBytes(*dtype, tensor.view.shape);
  if (!bytes) {
    Fail("a tensor's shape is impossible",
         "rows of a multiple of " + std::to_string(Info(*dtype).block_elements) +
             " elements and a size below 2^63",
         std::string(Name(*dtype)) + " " + tensor.view.shape.ToString(), where);
  }
  infos_.push_back({.bytes = *bytes, .offset = reader_.Number<uint64_t>(kWhat)});
  file_.tensors_.push_back(std::move(tensor));
}

Shape GgufParser::ReadShape(std::string_view name) {
  const std::string where = "tensor " + Quote(name) + ", " + At(reader_.offset());
  const auto rank = reader_.Number<uint32_t>("a tensor's shape");
  if (rank == 0 || rank > kMaxDimensions) {
    Fail("a tensor has a wrong number of dimensions", "1 to 4", std::to_string(rank), where);
  }
  std::array<int64_t, kMaxDimensions> extents{};
  for (uint32_t i = 0; i < rank; ++i) {
    const auto extent = reader_.Number<uint64_t>("a tensor's shape");
    if (extent > static_cast<uint64_t>(INT64_MAX)) {
      Fail("a tensor has an impossible dimension", "less than 2^63", std::to_string(extent), where);
    }
    extents[rank - 1 - i] = static_cast<int64_t>(extent);  // the file has the fastest first
  }
  return Shape(std::span(extents).first(rank));
}

void GgufParser::PlaceTensors(uint64_t alignment) {
  const std::span<const std::byte> bytes = file_.file_->bytes();
  const std::optional<uint64_t> data_begin = RoundUp(reader_.offset(), alignment);
  const auto data =
      data_begin && *data_begin <= bytes.size() ? bytes.subspan(*data_begin) : bytes.first(0);
  uint64_t expected = 0;
  for (size_t i = 0; i < infos_.size(); ++i) {
    const TensorInfo& info = infos_[i];
    NamedTensor& tensor = file_.tensors_[i];
    const std::string where = "tensor " + Quote(tensor.name);
    if (info.offset != expected) {
      Fail("a tensor's data is not where the one before it ends",
           "offset " + std::to_string(expected), std::to_string(info.offset), where);
    }
    if (info.offset > data.size() || info.bytes > data.size() - info.offset) {
      Fail("the file ends inside a tensor's data",
           std::to_string(info.bytes) + " bytes at data offset " + std::to_string(info.offset),
           std::to_string(data.size()) + " bytes of data in all", where);
    }
    tensor.view.bytes = data.subspan(info.offset, info.bytes);
    // The sum is at most the file's size plus one alignment, so it cannot overflow by itself.
    const std::optional<uint64_t> next = RoundUp(info.offset + info.bytes, alignment);
    if (!next) Fail("a tensor ends beyond any file", "a smaller alignment", "", where);
    expected = *next;
  }
}

}  // namespace hyprstream::formats
