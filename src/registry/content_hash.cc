#include "registry/content_hash.h"

#include <span>

#include "base/hash.h"
#include "registry/read_ahead.h"

namespace hyprstream::registry {

ContentHash HashFile(const std::filesystem::path& path, const HashAdvance& advance) {
  ReadAhead file(path);
  Sha256 hash;
  ContentHash result;
  for (auto bytes = file.Next(); !bytes.empty(); bytes = file.Next()) {
    hash.Update(bytes);
    result.size += bytes.size();
    if (advance) advance(bytes.size());
  }
  result.sha256 = ToHex(hash.Finish());
  return result;
}

}  // namespace hyprstream::registry
