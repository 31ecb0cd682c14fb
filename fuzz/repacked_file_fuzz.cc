// Files of repacked weights, as they are and with the checksum of the header set right, so that the
// table behind it is reached.
#include <cstring>
#include <vector>

#include "base/error.h"
#include "model/repacked_file.h"

namespace {

using namespace hyprstream;

void Read(std::span<const std::byte> bytes, ThreadPool& pool) {
  model::RepackedKey key{};
  if (bytes.size() >= 64) std::memcpy(key.data(), bytes.data() + 32, key.size());
  try {
    model::RepackedFile file = model::RepackedFile::Parse(bytes, key);
    HYPR_CHECK(file.Find("", 1, 1) == nullptr || file.tensors() > 0);
    file.Load(pool, [](std::span<const std::byte>) {});
  } catch (const Error&) {
    // Refused, as it should be.
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ThreadPool pool(1);
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(begin, begin + size);
  Read(bytes, pool);
  model::RepairRepackedHeader(bytes);
  Read(bytes, pool);
  return 0;
}
