// Reading of one GGUF metadata value, with the limits that keep a hostile file from growing in
// memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "formats/byte_reader.h"
#include "formats/gguf.h"

namespace hyprstream::formats {

/// What all arrays of one file together may take once their numbers are widened. The largest
/// vocabularies need about a tenth of it.
inline constexpr uint64_t kMaxGgufArrayBytes = uint64_t{512} << 20;

/// Reads a value with its type. `array_bytes_left` is reduced by what an array takes. Errors:
/// kDataLoss naming the key; kLimit for arrays that take too much.
GgufValue ReadGgufValue(ByteReader& reader, std::string_view key, uint64_t& array_bytes_left);

}  // namespace hyprstream::formats
