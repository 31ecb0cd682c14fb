#include "base/uuid.h"

#include <openssl/rand.h>

#include <array>
#include <cstdint>

#include "base/error.h"
#include "base/hash.h"

namespace hyprstream {

std::string RandomUuid() {
  std::array<uint8_t, 16> bytes;
  HYPR_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);  // variant 10
  std::string text = ToHex(bytes);
  for (const size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
  return text;
}

}  // namespace hyprstream
