#include "formats/pytorch.h"

#include "../memory_file.h"
#include "touch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  try {
    const fuzz::MemoryFile file(data, size);
    fuzz::Touch(formats::PytorchFile::Open(file.path())->tensors());
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
