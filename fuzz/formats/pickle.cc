#include "formats/pickle.h"

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  try {
    const formats::Pickle pickle(std::as_bytes(std::span(data, size)));
    if (const auto* dict = pickle.root().As<formats::PickleDict>()) {
      for (const auto& [key, value] : dict->items) HYPR_CHECK(key != nullptr && value != nullptr);
    }
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
