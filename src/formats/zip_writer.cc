#include "formats/zip_writer.h"

#include <zlib.h>

#include "base/error.h"
#include "formats/byte_writer.h"

namespace hyprstream::formats {
namespace {

constexpr uint16_t kVersion = 20;         // of the format: 2.0
constexpr uint16_t kUtf8Names = 1 << 11;  // general purpose flag
constexpr uint16_t kStored = 0;
constexpr uint16_t kFillerId = 0x4246;  // "FB": the extra field in which PyTorch pads
constexpr uint64_t kLocalBytes = 30;
constexpr uint64_t kFieldBytes = 4;  // id and length of an extra field

/// What a local and a central header have in common.
void AppendEntry(std::string& out, uint32_t crc, uint32_t bytes, size_t name, size_t extra) {
  AppendRaw(out, kVersion);
  AppendRaw(out, kUtf8Names);
  AppendRaw(out, kStored);
  AppendRaw(out, uint32_t{0});  // time and date
  AppendRaw(out, crc);
  AppendRaw(out, bytes);
  AppendRaw(out, bytes);
  AppendRaw(out, static_cast<uint16_t>(name));
  AppendRaw(out, static_cast<uint16_t>(extra));
}

}  // namespace

void ZipWriter::Put(const std::string& bytes) {
  write_(std::as_bytes(std::span(bytes)));
  offset_ += bytes.size();
}

void ZipWriter::Add(const std::string& name, std::span<const std::byte> bytes) {
  constexpr uint64_t kSmallHeaders = 1 << 20;
  if (offset_ + bytes.size() + kSmallHeaders > UINT32_MAX || entries_.size() >= UINT16_MAX - 1) {
    throw Error(ErrorCode::kLimit, {.message = "the archive is too large",
                                    .expected = "less than 4 GiB and 65,534 entries",
                                    .hint = "write safetensors instead"});
  }
  const auto crc = static_cast<uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  const auto size = static_cast<uint32_t>(bytes.size());
  const uint64_t unpadded = offset_ + kLocalBytes + name.size() + kFieldBytes;
  const uint64_t filler = (kAlignment - unpadded % kAlignment) % kAlignment;
  std::string header;
  AppendRaw(header, uint32_t{0x04034b50});
  AppendEntry(header, crc, size, name.size(), kFieldBytes + filler);
  header += name;
  AppendRaw(header, kFillerId);
  AppendRaw(header, static_cast<uint16_t>(filler));
  header.append(filler, 'Z');
  entries_.push_back({name, crc, size, static_cast<uint32_t>(offset_)});
  Put(header);
  write_(bytes);
  offset_ += bytes.size();
}

void ZipWriter::Finish() {
  const uint64_t begin = offset_;
  for (const Entry& entry : entries_) {
    std::string header;
    AppendRaw(header, uint32_t{0x02014b50});
    AppendRaw(header, kVersion);  // made by
    AppendEntry(header, entry.crc, entry.bytes, entry.name.size(), 0);
    header.append(10, '\0');  // comment, disk, attributes
    AppendRaw(header, entry.offset);
    Put(header + entry.name);
  }
  const auto count = static_cast<uint16_t>(entries_.size());
  const uint64_t bytes = offset_ - begin;
  if (offset_ > UINT32_MAX) {
    throw Error(ErrorCode::kLimit, {.message = "the archive's directory does not fit in 4 GiB"});
  }
  std::string end;
  AppendRaw(end, uint32_t{0x06054b50});
  AppendRaw(end, uint32_t{0});  // disks
  AppendRaw(end, count);
  AppendRaw(end, count);
  AppendRaw(end, static_cast<uint32_t>(bytes));
  AppendRaw(end, static_cast<uint32_t>(begin));
  AppendRaw(end, uint16_t{0});
  Put(end);
}

}  // namespace hyprstream::formats
