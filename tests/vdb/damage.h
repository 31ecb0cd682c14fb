// Makes the checksums of a damaged grid file right again, so that the checks behind them are
// reached. Knows both formats by their documented layout alone.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace hyprstream::testing {

namespace damage {

inline uint32_t Crc(const std::string& bytes, size_t begin, size_t size) {
  if (begin > bytes.size()) return 0;
  size = std::min(size, bytes.size() - begin);
  return static_cast<uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data() + begin), size));
}

template <typename T>
T Get(const std::string& bytes, size_t offset) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
void Put(std::string& bytes, size_t offset, T value) {
  if (offset + sizeof(T) <= bytes.size()) std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

inline void FixNano(std::string& bytes) {
  constexpr size_t kMeta = 16;
  const size_t grid = kMeta + 176 + Get<uint32_t>(bytes, kMeta + 136);
  const size_t counts[3] = {Get<uint32_t>(bytes, kMeta + 148), Get<uint32_t>(bytes, kMeta + 144),
                            Get<uint32_t>(bytes, kMeta + 140)};
  const size_t sizes[3] = {270400, 33856, Get<uint32_t>(bytes, kMeta + 32) == 14u ? 608u : 2144u};
  size_t node = grid + 672 + 64 + 64 + 32 * counts[0];
  const uint32_t head = Crc(bytes, grid + 16, node - grid - 16);
  std::vector<uint64_t> sums;
  for (int level = 0; level < 3; ++level) {
    for (size_t i = 0; i < counts[level] && node < bytes.size(); ++i, node += sizes[level]) {
      sums.push_back(Crc(bytes, node, sizes[level]));
    }
  }
  uint32_t tail = 0xFFFFFFFF;
  if (!sums.empty()) {
    const std::string all(reinterpret_cast<const char*>(sums.data()), sums.size() * 8);
    tail = Crc(all, 0, all.size());
  }
  Put(bytes, grid + 8, uint64_t{tail} << 32 | head);
}

}  // namespace damage

inline void FixChecksums(std::string& bytes) {
  if (bytes.starts_with("NanoVDB0")) {
    damage::FixNano(bytes);
  } else if (bytes.starts_with("HYPRTILE")) {
    damage::Put(bytes, 72, damage::Crc(bytes, 128, bytes.size()));
    damage::Put(bytes, 76, damage::Crc(bytes, 0, 76));
  }
}

}  // namespace hyprstream::testing
