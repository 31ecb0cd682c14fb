#include "vdb/grid_files.h"

#include <zlib.h>

#include <cmath>
#include <cstring>

#include "base/error.h"

namespace hyprstream::vdb {

void RefuseFile(std::string expected, std::string found, std::string where) {
  throw Error(ErrorCode::kDataLoss, {.message = "the grid file is damaged",
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = std::move(where),
                                     .hint = "write it again, or restore it from a copy"});
}

uint32_t Crc32(std::span<const std::byte> bytes, uint32_t crc) {
  return static_cast<uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void CheckTileValues(const GridLayout& layout, Verify verify) {
  for (size_t i = 0; i < layout.tiles.size(); ++i) {
    const std::string where = "tile " + std::to_string(layout.tiles[i]);
    if (layout.encoding == Encoding::kFp8) {
      Fp8Scale scale;
      std::memcpy(&scale, layout.scales + i * layout.scale_stride, sizeof(scale));
      if (!IsValidScale(scale)) {
        RefuseFile("a quantum of 16 bits and a minimum that is minus whole quanta",
                   std::to_string(scale.quantum) + ", " + std::to_string(scale.minimum), where);
      }
    } else if (verify == Verify::kFull) {
      const auto* values = reinterpret_cast<const float*>(layout.values + i * layout.value_stride);
      for (int64_t k = 0; k < kTileWeights; ++k) {
        if (!std::isfinite(values[k])) {
          RefuseFile("finite values", std::to_string(values[k]), where);
        }
      }
    }
  }
}

}  // namespace hyprstream::vdb
