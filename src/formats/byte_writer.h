// Appends numbers as their little-endian bytes: the other direction of ByteReader.
#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

namespace hyprstream::formats {

static_assert(std::endian::native == std::endian::little);

template <typename T>
void AppendRaw(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

}  // namespace hyprstream::formats
