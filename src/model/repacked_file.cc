#include "model/repacked_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "formats/byte_reader.h"
#include "tensor/slab_memory.h"

namespace hyprstream::model {
namespace {

constexpr std::string_view kMagic = "HYPRPACK";
constexpr size_t kHeaderBytes = 72;
constexpr size_t kChecksumOffset = 64;
constexpr uint64_t kEntryBytes = 56;  // without the name

uint64_t Align(uint64_t offset) {
  return (offset + kRepackedAlignment - 1) / kRepackedAlignment * kRepackedAlignment;
}

// Fills a header of known size from its start.
class HeaderWriter {
 public:
  explicit HeaderWriter(uint64_t bytes) : out_(bytes) {}
  void Put(std::span<const std::byte> bytes) {
    HYPR_CHECK(bytes.size() <= out_.size() - used_);
    if (!bytes.empty()) std::memcpy(out_.data() + used_, bytes.data(), bytes.size());
    used_ += bytes.size();
  }
  template <typename T>
  void Number(const T& value) {
    Put(std::as_bytes(std::span(&value, 1)));
  }
  std::vector<std::byte> Finish() {
    HYPR_CHECK(used_ == out_.size());
    return std::move(out_);
  }

 private:
  std::vector<std::byte> out_;
  size_t used_ = 0;
};

[[noreturn]] void Damaged(std::string_view what, uint64_t expected, uint64_t found,
                          uint64_t offset) {
  throw Error(ErrorCode::kDataLoss, {.message = std::string(what),
                                     .expected = std::to_string(expected),
                                     .found = std::to_string(found),
                                     .where = "offset " + std::to_string(offset)});
}

// Of the header and table in place, without copying them.
uint64_t HeaderChecksum(std::span<const std::byte> header) {
  const uint64_t before = FastChecksum(header.first(kChecksumOffset));
  return before ^ FastChecksum(header.subspan(kHeaderBytes)) * 3;
}

struct Header {
  uint32_t tensors;
  uint64_t bytes;
};

Header ReadHeader(std::span<const std::byte> bytes, const RepackedKey& key) {
  formats::ByteReader reader(bytes);
  const auto magic = reader.Take(kMagic.size(), "the magic number");
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
    throw Error(ErrorCode::kDataLoss, {.message = "this is no file of repacked weights",
                                       .expected = std::string(kMagic),
                                       .where = "offset 0"});
  }
  const auto format = reader.Number<uint32_t>("the header");
  if (format != kRepackedFormat) {
    throw Error(ErrorCode::kFailedPrecondition, {.message = "another version of the file's format",
                                                 .expected = std::to_string(kRepackedFormat),
                                                 .found = std::to_string(format)});
  }
  Header header{};
  header.tensors = reader.Number<uint32_t>("the header");
  header.bytes = reader.Number<uint64_t>("the header");
  const auto file_bytes = reader.Number<uint64_t>("the header");
  const auto found_key = reader.Take(key.size(), "the key");
  const auto checksum = reader.Number<uint64_t>("the checksum");
  if (file_bytes != bytes.size()) Damaged("the file's length", file_bytes, bytes.size(), 24);
  if (header.bytes < kHeaderBytes || header.bytes > bytes.size()) {
    Damaged("the header's length", bytes.size(), header.bytes, 16);
  }
  if (header.tensors > (header.bytes - kHeaderBytes) / kEntryBytes) {
    Damaged("the number of tensors", (header.bytes - kHeaderBytes) / kEntryBytes, header.tensors,
            12);
  }
  const uint64_t sum = HeaderChecksum(bytes.first(header.bytes));
  if (sum != checksum) Damaged("the header's checksum", checksum, sum, kChecksumOffset);
  // Last: a damaged key is damage, not another source.
  if (std::memcmp(found_key.data(), key.data(), key.size()) != 0) {
    throw Error(ErrorCode::kFailedPrecondition, {.message = "made from other weights"});
  }
  return header;
}

int64_t ReadExtent(formats::ByteReader& reader) {
  constexpr uint64_t kMost = uint64_t{1} << 40;
  const uint64_t offset = reader.offset();
  const auto extent = reader.Number<uint64_t>("a shape");
  if (extent == 0 || extent > kMost) Damaged("a tensor's extent", kMost, extent, offset);
  return static_cast<int64_t>(extent);
}

// Eight characters: numbers of types may change, their names are the formats' own.
using TypeName = std::array<char, 8>;

TypeName TypeCode(DType type) {
  TypeName code{};
  HYPR_CHECK(Name(type).size() <= code.size());
  std::copy(Name(type).begin(), Name(type).end(), code.begin());
  return code;
}

DType ReadType(formats::ByteReader& reader) {
  const uint64_t offset = reader.offset();
  const auto code = reader.Number<TypeName>("a type");
  for (int i = static_cast<int>(DType::kQ4_0); i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    if (TypeCode(static_cast<DType>(i)) == code) return static_cast<DType>(i);
  }
  throw Error(ErrorCode::kDataLoss,
              {.message = "unknown type of a tensor", .where = "offset " + std::to_string(offset)});
}

}  // namespace

RepackedFile::Entry RepackedFile::ReadEntry(formats::ByteReader& reader,
                                            std::span<const std::byte> bytes,
                                            uint64_t header_bytes) {
  const uint64_t at = reader.offset();
  Entry entry;
  entry.tensor.dtype = ReadType(reader);
  entry.tensor.rows = ReadExtent(reader);
  entry.tensor.cols = ReadExtent(reader);
  const auto offset = reader.Number<uint64_t>("an offset");
  const auto size = reader.Number<uint64_t>("a size");
  entry.checksum = reader.Number<uint64_t>("a checksum");
  entry.tensor.name = reader.String("a name");
  if (offset % kRepackedAlignment != 0 || offset < header_bytes || offset > bytes.size() ||
      size > bytes.size() - offset) {
    Damaged("the place of a tensor's strips", bytes.size(), offset, at);
  }
  entry.tensor.strips = bytes.subspan(offset, size);
  return entry;
}

RepackedPlan PlanRepackedFile(std::span<const RepackedTensor> tensors) {
  RepackedPlan plan;
  plan.header_bytes = kHeaderBytes;
  for (const RepackedTensor& tensor : tensors) {
    plan.header_bytes += kEntryBytes + tensor.name.size();
  }
  plan.file_bytes = plan.header_bytes;
  for (const RepackedTensor& tensor : tensors) {
    plan.offsets.push_back(Align(plan.file_bytes));
    plan.file_bytes = plan.offsets.back() + tensor.strips.size();
  }
  return plan;
}

std::vector<std::byte> RepackedHeader(std::span<const RepackedTensor> tensors,
                                      const RepackedPlan& plan, const RepackedKey& key) {
  HeaderWriter out(plan.header_bytes);
  out.Put(std::as_bytes(std::span(kMagic)));
  out.Number(kRepackedFormat);
  out.Number(static_cast<uint32_t>(tensors.size()));
  out.Number(plan.header_bytes);
  out.Number(plan.file_bytes);
  out.Put(std::as_bytes(std::span(key)));
  out.Number(uint64_t{0});
  for (size_t i = 0; i < tensors.size(); ++i) {
    const RepackedTensor& tensor = tensors[i];
    out.Number(TypeCode(tensor.dtype));
    out.Number(static_cast<uint64_t>(tensor.rows));
    out.Number(static_cast<uint64_t>(tensor.cols));
    out.Number(plan.offsets[i]);
    out.Number(static_cast<uint64_t>(tensor.strips.size()));
    out.Number(FastChecksum(tensor.strips));
    out.Number(static_cast<uint64_t>(tensor.name.size()));
    out.Put(std::as_bytes(std::span(tensor.name)));
  }
  std::vector<std::byte> header = out.Finish();
  const uint64_t sum = HeaderChecksum(header);
  std::memcpy(header.data() + kChecksumOffset, &sum, sizeof(sum));
  return header;
}

void RepairRepackedHeader(std::span<std::byte> file) {
  if (file.size() < kHeaderBytes) return;
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data() + 16, sizeof(header_bytes));
  if (header_bytes < kHeaderBytes || header_bytes > file.size()) header_bytes = file.size();
  const uint64_t file_bytes = file.size();
  std::memcpy(file.data(), kMagic.data(), kMagic.size());
  std::memcpy(file.data() + 8, &kRepackedFormat, sizeof(kRepackedFormat));
  std::memcpy(file.data() + 16, &header_bytes, sizeof(header_bytes));
  std::memcpy(file.data() + 24, &file_bytes, sizeof(file_bytes));
  const uint64_t sum = HeaderChecksum(file.first(header_bytes));
  std::memcpy(file.data() + kChecksumOffset, &sum, sizeof(sum));
}

RepackedFile RepackedFile::Parse(std::span<const std::byte> bytes, const RepackedKey& key) {
  const Header header = ReadHeader(bytes, key);
  formats::ByteReader reader(bytes.first(header.bytes));
  reader.Take(kHeaderBytes, "the header");
  RepackedFile file;
  uint64_t left = bytes.size() - header.bytes;
  for (uint32_t i = 0; i < header.tensors; ++i) {
    const uint64_t at = reader.offset();
    Entry entry = ReadEntry(reader, bytes, header.bytes);
    // Tensors that overlap could ask for more memory than any file is long.
    if (entry.tensor.strips.size() > left) {
      Damaged("the bytes of all strips together", left, entry.tensor.strips.size(), at);
    }
    left -= entry.tensor.strips.size();
    std::string name = entry.tensor.name;
    if (!file.tensors_.emplace(std::move(name), std::move(entry)).second) {
      Damaged("a tensor's name comes twice", 1, 2, at);
    }
  }
  if (reader.left() != 0) Damaged("bytes behind the table", 0, reader.left(), reader.offset());
  return file;
}

void RepackedFile::Load(ThreadPool& pool,
                        const std::function<void(std::span<const std::byte>)>& copied) {
  SlabMemory slabs;
  std::vector<Entry*> entries;
  for (auto& [name, entry] : tensors_) {
    entry.copy = slabs.Allocate(entry.tensor.strips.size());
    entries.push_back(&entry);
  }
  // The largest first, so that the threads end together.
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    return a->tensor.strips.size() > b->tensor.strips.size();
  });
  std::atomic<size_t> next{0};
  std::atomic<const Entry*> damaged{nullptr};
  pool.Run([&](int) {
    for (size_t i = next.fetch_add(1); i < entries.size(); i = next.fetch_add(1)) {
      Entry& entry = *entries[i];
      const std::span<const std::byte> strips = entry.tensor.strips;
      if (!strips.empty()) std::memcpy(entry.copy.get(), strips.data(), strips.size());
      copied(strips);
      entry.tensor.strips = {entry.copy.get(), strips.size()};
      if (FastChecksum(entry.tensor.strips) != entry.checksum) damaged = &entry;
    }
  });
  if (damaged.load() == nullptr) return;
  throw Error(ErrorCode::kDataLoss, {.message = "the strips of a tensor have another checksum",
                                     .where = damaged.load()->tensor.name});
}

const RepackedTensor* RepackedFile::Find(std::string_view name, int64_t rows, int64_t cols) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return nullptr;
  const RepackedTensor& tensor = found->second.tensor;
  return tensor.rows == rows && tensor.cols == cols ? &tensor : nullptr;
}

}  // namespace hyprstream::model
