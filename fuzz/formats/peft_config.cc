#include "formats/peft_config.h"

#include <cstdint>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  try {
    const auto config = formats::ReadPeftConfig({reinterpret_cast<const char*>(data), size});
    for (const char* path :
         {"model.layers.11.self_attn.q_proj", "model.layers.0.mlp.down_proj", "lm_head"}) {
      config.Targets(path);
      config.ScaleOf(path);
    }
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
