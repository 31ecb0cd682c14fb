// Reads little-endian numbers and counted strings out of bytes that cannot be trusted: every read
// is checked against what is left, and an error names the offset.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hyprstream::formats {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t offset() const { return offset_; }
  uint64_t left() const { return bytes_.size() - offset_; }

  template <typename T>
  T Number(std::string_view what) {
    T value;
    std::memcpy(&value, Take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  /// The next `count` bytes. Errors: kDataLoss when the file ends before.
  std::span<const std::byte> Take(uint64_t count, std::string_view what) {
    if (count > left()) {
      throw Error(ErrorCode::kDataLoss, {.message = "the file ends inside " + std::string(what),
                                         .expected = std::to_string(count) + " bytes",
                                         .found = std::to_string(left()) + " left",
                                         .where = "offset " + std::to_string(offset_)});
    }
    const auto taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }

  /// A string after its length as u64.
  std::string_view String(std::string_view what) {
    const auto length = Number<uint64_t>(what);
    const auto bytes = Take(length, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

}  // namespace hyprstream::formats
