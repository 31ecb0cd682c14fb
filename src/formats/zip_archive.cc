#include "formats/zip_archive.h"

#include <zlib.h>

#include <algorithm>

#include "base/memory_budget.h"
#include "formats/byte_reader.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kLocatorBytes = 20;
constexpr uint64_t kCentralBytes = 46;
constexpr uint32_t kIn64 = 0xffffffff;  // "see the 64-bit field"

[[noreturn]] void Fail(std::string message, std::string where) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message), .where = std::move(where)});
}

std::string At(uint64_t offset) { return "offset " + std::to_string(offset); }

ByteReader ReaderAt(std::span<const std::byte> file, uint64_t offset, std::string_view what) {
  if (offset > file.size()) Fail(std::string(what) + " lies beyond the file", At(offset));
  return ByteReader(file.subspan(offset));
}

struct Directory {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t offset = 0;
};

/// The end record is at the very end but for a comment of at most 65535 bytes.
uint64_t FindEnd(std::span<const std::byte> file) {
  for (uint64_t comment = 0; comment <= 0xffff && comment + kEndBytes <= file.size(); ++comment) {
    const uint64_t offset = file.size() - kEndBytes - comment;
    ByteReader reader(file.subspan(offset));
    if (reader.Number<uint32_t>("") != kEndSignature) continue;
    reader.Take(16, "");
    if (reader.Number<uint16_t>("") == comment) return offset;
  }
  throw Error(ErrorCode::kDataLoss, {.message = "the archive has no end record",
                                     .where = At(file.size()),
                                     .hint = "the file is cut off or not a ZIP archive"});
}

Directory ReadEnd64(std::span<const std::byte> file, uint64_t end) {
  constexpr std::string_view kWhat = "the 64-bit end record";
  if (end < kLocatorBytes) Fail("the archive has no 64-bit end record", At(end));
  ByteReader locator(file.subspan(end - kLocatorBytes));
  if (locator.Number<uint32_t>(kWhat) != kLocator64Signature) {
    Fail("the archive has no 64-bit end record", At(end));
  }
  locator.Take(4, kWhat);
  const auto offset = locator.Number<uint64_t>(kWhat);
  ByteReader reader = ReaderAt(file, offset, kWhat);
  if (reader.Number<uint32_t>(kWhat) != kEnd64Signature)
    Fail("wrong 64-bit end record", At(offset));
  reader.Take(28, kWhat);
  Directory directory;
  directory.entries = reader.Number<uint64_t>(kWhat);
  directory.bytes = reader.Number<uint64_t>(kWhat);
  directory.offset = reader.Number<uint64_t>(kWhat);
  return directory;
}

Directory ReadEnd(std::span<const std::byte> file) {
  constexpr std::string_view kWhat = "the end record";
  const uint64_t end = FindEnd(file);
  ByteReader reader(file.subspan(end + 4));
  const auto disk = reader.Number<uint16_t>(kWhat);
  const auto first_disk = reader.Number<uint16_t>(kWhat);
  reader.Take(2, kWhat);
  Directory directory;
  directory.entries = reader.Number<uint16_t>(kWhat);
  directory.bytes = reader.Number<uint32_t>(kWhat);
  directory.offset = reader.Number<uint32_t>(kWhat);
  if (directory.entries == 0xffff || directory.bytes == kIn64 || directory.offset == kIn64) {
    directory = ReadEnd64(file, end);
  } else if (disk != 0 || first_disk != 0) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "the archive is spread over several disks", .where = At(end)});
  }
  if (directory.offset > end || directory.bytes > end - directory.offset ||
      directory.entries > directory.bytes / kCentralBytes) {
    Fail("the archive's directory does not fit into the file", At(end));
  }
  return directory;
}

void CheckName(std::string_view name, uint64_t offset) {
  bool safe = IsCleanName(name) && name.front() != '/' &&
              name.find('\\') == std::string_view::npos && name.size() <= 4096;
  for (size_t begin = 0; safe && begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") safe = false;
    begin = end + 1;
  }
  if (!safe) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "an entry of the archive has a name that is not allowed",
                 .expected = "a relative path without ..",
                 .found = Quote(name),
                 .where = At(offset)});
  }
}

/// Replaces what the 32-bit fields could not hold by the values of the extra field with id 1.
void ReadExtra64(std::span<const std::byte> extra, ZipEntry& entry) {
  constexpr std::string_view kWhat = "an entry's 64-bit sizes";
  const bool wanted =
      entry.bytes == kIn64 || entry.stored_bytes == kIn64 || entry.header_offset == kIn64;
  ByteReader reader(extra);
  while (wanted && reader.left() >= 4) {
    const auto id = reader.Number<uint16_t>(kWhat);
    ByteReader field(reader.Take(reader.Number<uint16_t>(kWhat), kWhat));
    if (id != 1) continue;
    for (uint64_t* value : {&entry.bytes, &entry.stored_bytes, &entry.header_offset}) {
      if (*value == kIn64) *value = field.Number<uint64_t>(kWhat);
    }
    return;
  }
  if (wanted) Fail("an entry lacks its 64-bit sizes", Quote(entry.name));
}

/// Local headers have their own extra field, so the data begins where only they can tell.
void FindData(std::span<const std::byte> file, uint64_t limit, ZipEntry& entry) {
  constexpr std::string_view kWhat = "an entry's local header";
  ByteReader reader = ReaderAt(file.first(limit), entry.header_offset, kWhat);
  if (reader.Number<uint32_t>(kWhat) != kLocalSignature) {
    Fail("an entry has no local header", Quote(entry.name) + ", " + At(entry.header_offset));
  }
  reader.Take(22, kWhat);
  const auto name_bytes = reader.Number<uint16_t>(kWhat);
  const auto extra_bytes = reader.Number<uint16_t>(kWhat);
  const auto name = reader.Take(name_bytes, kWhat);
  reader.Take(extra_bytes, kWhat);
  if (std::string_view(reinterpret_cast<const char*>(name.data()), name.size()) != entry.name) {
    Fail("an entry has two names", Quote(entry.name) + ", " + At(entry.header_offset));
  }
  entry.data_offset = entry.header_offset + reader.offset();
  reader.Take(entry.stored_bytes, "the data of " + entry.name);
}

ZipEntry ReadEntry(ByteReader& reader) {
  constexpr std::string_view kWhat = "the archive's directory";
  const uint64_t offset = reader.offset();
  if (reader.Number<uint32_t>(kWhat) != kCentralSignature) {
    Fail("the archive's directory is damaged", "directory " + At(offset));
  }
  reader.Take(4, kWhat);
  const auto flags = reader.Number<uint16_t>(kWhat);
  const auto method = reader.Number<uint16_t>(kWhat);
  reader.Take(4, kWhat);
  ZipEntry entry;
  entry.crc = reader.Number<uint32_t>(kWhat);
  entry.stored_bytes = reader.Number<uint32_t>(kWhat);
  entry.bytes = reader.Number<uint32_t>(kWhat);
  const auto name_bytes = reader.Number<uint16_t>(kWhat);
  const auto extra_bytes = reader.Number<uint16_t>(kWhat);
  const auto comment_bytes = reader.Number<uint16_t>(kWhat);
  reader.Take(8, kWhat);  // disk, attributes
  entry.header_offset = reader.Number<uint32_t>(kWhat);
  const auto name = reader.Take(name_bytes, kWhat);
  entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  CheckName(entry.name, offset);
  ReadExtra64(reader.Take(extra_bytes, kWhat), entry);
  reader.Take(comment_bytes, kWhat);
  constexpr uint16_t kEncrypted = 1 | 1 << 6 | 1 << 13;
  if ((flags & kEncrypted) != 0 || (method != 0 && method != 8)) {
    throw Error(
        ErrorCode::kUnsupported,
        {.message = "an entry of the archive cannot be read",
         .expected = "stored or deflated, not encrypted",
         .found = (flags & kEncrypted) != 0 ? "encryption" : "method " + std::to_string(method),
         .where = Quote(entry.name)});
  }
  entry.deflated = method == 8;
  if (!entry.deflated && entry.bytes != entry.stored_bytes) {
    Fail("a stored entry has two sizes", Quote(entry.name));
  }
  return entry;
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> file) : file_(file) {
  ReadDirectory();
  CheckOverlap();
}

void ZipArchive::ReadDirectory() {
  const Directory directory = ReadEnd(file_);
  ByteReader reader(file_.subspan(directory.offset, directory.bytes));
  for (uint64_t i = 0; i < directory.entries; ++i) {
    ZipEntry entry = ReadEntry(reader);
    FindData(file_, directory.offset, entry);
    if (!by_name_.emplace(entry.name, entries_.size()).second) {
      Fail("the archive has two entries of one name", Quote(entry.name));
    }
    entries_.push_back(std::move(entry));
  }
}

void ZipArchive::CheckOverlap() const {
  std::vector<const ZipEntry*> ordered;
  for (const ZipEntry& entry : entries_) ordered.push_back(&entry);
  std::sort(ordered.begin(), ordered.end(), [](const ZipEntry* a, const ZipEntry* b) {
    return a->header_offset < b->header_offset;
  });
  for (size_t i = 1; i < ordered.size(); ++i) {
    if (ordered[i - 1]->data_offset + ordered[i - 1]->stored_bytes > ordered[i]->header_offset) {
      Fail("two entries of the archive overlap",
           Quote(ordered[i - 1]->name) + " and " + Quote(ordered[i]->name));
    }
  }
}

const ZipEntry* ZipArchive::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

std::span<const std::byte> ZipArchive::Read(const ZipEntry& entry) {
  const auto bytes =
      entry.deflated ? Inflate(entry) : file_.subspan(entry.data_offset, entry.stored_bytes);
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (static_cast<uint32_t>(crc) != entry.crc) {
    throw Error(ErrorCode::kDataLoss, {.message = "an entry's checksum is wrong",
                                       .where = Quote(entry.name),
                                       .hint = "the file is damaged; copy it again"});
  }
  return bytes;
}

std::span<const std::byte> ZipArchive::Inflate(const ZipEntry& entry) {
  const auto known = inflated_.find(entry.name);
  if (known != inflated_.end()) return known->second;
  if (entry.bytes > kMaxInflatedBytes - inflated_bytes_) {
    throw Error(ErrorCode::kLimit,
                {.message = "the archive's compressed entries are too large",
                 .expected = "at most " + FormatBytes({kMaxInflatedBytes}) + " in all",
                 .where = Quote(entry.name),
                 .hint = "save the file without compression"});
  }
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_streamp)> guard(&stream, ::inflateEnd);
  std::span<const std::byte> input = file_.subspan(entry.data_offset, entry.stored_bytes);
  std::vector<std::byte> output;
  int status = Z_OK;
  // Grows with what really comes out, not with what the directory claims.
  constexpr size_t kPiece = 1 << 18;
  while (status == Z_OK && output.size() <= entry.bytes) {
    const size_t fed = std::min<size_t>(input.size(), kPiece);
    const size_t before = output.size();
    output.resize(before + kPiece);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    stream.avail_in = static_cast<uInt>(fed);
    stream.next_out = reinterpret_cast<Bytef*>(output.data() + before);
    stream.avail_out = static_cast<uInt>(kPiece);
    status = ::inflate(&stream, Z_NO_FLUSH);
    input = input.subspan(fed - stream.avail_in);
    output.resize(before + kPiece - stream.avail_out);
  }
  if (status != Z_STREAM_END || output.size() != entry.bytes || !input.empty()) {
    Fail("a compressed entry is damaged", Quote(entry.name));
  }
  inflated_bytes_ += output.size();
  return inflated_.emplace(entry.name, std::move(output)).first->second;
}

}  // namespace hyprstream::formats
