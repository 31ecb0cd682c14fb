#include "formats/small_files.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/memory_budget.h"

namespace hyprstream::formats {
namespace {

constexpr std::string_view kLfsFirstLine = "version https://git-lfs.github.com/spec/v1";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

std::string ReadTextFile(const std::filesystem::path& path, uint64_t limit) {
  const std::shared_ptr<const MappedFile> file = MappedFile::Open(path);
  if (file->bytes().size() > limit) {
    throw Error(ErrorCode::kLimit, {.message = "text file is too large",
                                    .expected = "at most " + FormatBytes({limit}),
                                    .found = FormatBytes({file->bytes().size()}),
                                    .where = path.string()});
  }
  return std::string(AsText(file->bytes()));
}

std::string ReadTextFileIfPresent(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  return ReadTextFile(path);
}

void RefuseLfsPointer(std::span<const std::byte> file, const std::filesystem::path& path) {
  // A pointer is three short lines; the specification limits it to 1024 bytes.
  const std::string_view text = AsText(file.first(std::min<size_t>(file.size(), 1024)));
  if (!text.starts_with(kLfsFirstLine)) return;
  std::string size = "of unknown size";
  const size_t line = text.find("\nsize ");
  if (line != std::string_view::npos) {
    uint64_t bytes = 0;
    const char* begin = text.data() + line + 6;
    const auto parsed = std::from_chars(begin, text.data() + text.size(), bytes);
    if (parsed.ec == std::errc()) size = "of " + FormatBytes({bytes});
  }
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "this is a Git LFS pointer, not the file itself",
               .expected = "the real file " + size,
               .found = "a pointer of " + std::to_string(file.size()) + " bytes",
               .where = path.string(),
               .hint = "run `git lfs pull` in the repository, or download the file again"});
}

std::string Quote(std::string_view text) {
  constexpr size_t kMaxShown = 80;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMaxShown)) {
    if (IsControl(c)) {
      const auto byte = static_cast<unsigned char>(c);
      quoted += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      quoted += c;
    }
  }
  if (text.size() > kMaxShown) quoted += "…";
  return quoted + '"';
}

bool IsCleanName(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), IsControl);
}

std::optional<int64_t> CheckedElementCount(const Shape& shape) {
  int64_t product = 1;
  bool empty = false;
  for (const int64_t extent : shape.extents()) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, extent, &product)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : product;
}

}  // namespace hyprstream::formats
