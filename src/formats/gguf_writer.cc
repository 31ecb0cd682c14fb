#include "formats/gguf_writer.h"

#include <cstring>
#include <set>

#include "base/atomic_file.h"
#include "formats/gguf_types.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr uint64_t kAlignment = kGgufDefaultAlignment;

uint64_t Padded(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

template <typename T>
void Append(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void AppendText(std::string& out, std::string_view text) {
  Append(out, uint64_t{text.size()});
  out += text;
}

GgufType TypeOf(uint16_t) { return GgufType::kU16; }
GgufType TypeOf(uint32_t) { return GgufType::kU32; }
GgufType TypeOf(int32_t) { return GgufType::kI32; }
GgufType TypeOf(float) { return GgufType::kF32; }
GgufType TypeOf(bool) { return GgufType::kBool; }
GgufType TypeOf(uint64_t) { return GgufType::kU64; }
GgufType TypeOf(int64_t) { return GgufType::kI64; }
GgufType TypeOf(double) { return GgufType::kF64; }
GgufType TypeOf(const std::string&) { return GgufType::kString; }

template <typename T>
void AppendScalar(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    AppendText(out, value);
  } else {
    Append(out, value);
  }
}

template <typename T>
void AppendField(std::string& out, const T& value) {
  Append(out, TypeOf(value));
  AppendScalar(out, value);
}

template <typename T>
void AppendField(std::string& out, const std::vector<T>& values) {
  Append(out, GgufType::kArray);
  Append(out, TypeOf(T{}));
  Append(out, uint64_t{values.size()});
  for (const T& value : values) AppendScalar(out, value);
}

void AppendInfo(std::string& out, const StreamedTensor& tensor, uint64_t offset) {
  const std::optional<uint32_t> type = GgufTensorTypeNumber(tensor.dtype);
  if (!type) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "GGUF cannot hold tensor " + Quote(tensor.name),
                 .found = "element type " + std::string(Name(tensor.dtype)),
                 .hint = "widen it to F32 first"});
  }
  if (tensor.name.size() > kGgufMaxTensorName || !IsCleanName(tensor.name)) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "GGUF cannot hold a tensor of this name",
                 .expected = "1 to " + std::to_string(kGgufMaxTensorName) + " bytes",
                 .found = Quote(tensor.name)});
  }
  const Shape& shape = tensor.shape;
  HYPR_CHECK(shape.rank() >= 1 && shape.rank() <= 4);
  AppendText(out, tensor.name);
  Append(out, static_cast<uint32_t>(shape.rank()));
  for (int i = shape.rank() - 1; i >= 0; --i) Append(out, static_cast<uint64_t>(shape[i]));
  Append(out, *type);
  Append(out, offset);
}

void Pad(AtomicFile& file, uint64_t written) {
  const std::string zeros(Padded(written) - written, '\0');
  file.Write(zeros);
}

}  // namespace

void WriteGguf(const std::filesystem::path& path,
               std::span<const std::pair<std::string, GgufField>> metadata,
               std::span<const NamedTensor> tensors) {
  std::vector<StreamedTensor> streamed;
  for (const NamedTensor& tensor : tensors) {
    HYPR_CHECK(tensor.view.bytes.size() == Streamed(tensor).bytes());
    streamed.push_back(Streamed(tensor));
  }
  WriteGgufStreamed(path, metadata, streamed);
}

void WriteGgufStreamed(const std::filesystem::path& path,
                       std::span<const std::pair<std::string, GgufField>> metadata,
                       std::span<const StreamedTensor> tensors) {
  std::string header;
  Append(header, kGgufMagic);
  Append(header, uint32_t{3});
  Append(header, uint64_t{tensors.size()});
  Append(header, uint64_t{metadata.size()});
  std::set<std::string_view> names;
  for (const auto& [key, field] : metadata) {
    HYPR_CHECK(IsCleanName(key) && names.insert(key).second);
    AppendText(header, key);
    std::visit([&](const auto& value) { AppendField(header, value); }, field);
  }
  names.clear();
  uint64_t offset = 0;
  for (const StreamedTensor& tensor : tensors) {
    HYPR_CHECK(names.insert(tensor.name).second);
    AppendInfo(header, tensor, offset);
    offset += Padded(tensor.bytes());
  }
  AtomicFile file(path);
  file.Write(header);
  Pad(file, header.size());
  const ByteSink sink = [&](std::span<const std::byte> bytes) { file.Write(bytes); };
  for (const StreamedTensor& tensor : tensors) {
    WriteTensor(tensor, sink);
    Pad(file, tensor.bytes());
  }
  file.Commit();
}

}  // namespace hyprstream::formats
