#include "formats/gguf.h"

#include "../memory_file.h"
#include "touch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  try {
    const fuzz::MemoryFile file(data, size);
    const auto gguf = formats::GgufFile::Open(file.path());
    fuzz::Touch(gguf->tensors());
    gguf->GetString("general.architecture");
    gguf->GetUint("split.count");
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
