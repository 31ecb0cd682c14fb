#include "formats/sharded_index.h"

#include <cstdint>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  try {
    const auto shards = formats::ReadShardedIndex({reinterpret_cast<const char*>(data), size});
    for (const auto& [tensor, file] : shards) HYPR_CHECK(file.ends_with(".safetensors"));
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
