#include "registry/content_hash.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/posix_file.h"

namespace hyprstream::registry {

ContentHash HashFile(const std::filesystem::path& path, const HashAdvance& advance) {
  const internal::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) internal::FailFile("cannot open file", path, errno);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  constexpr size_t kAtOnce = 1u << 20;
  std::vector<std::byte> buffer(kAtOnce);
  Sha256 hash;
  ContentHash result;
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) internal::FailFile("cannot read file", path, errno);
    if (count == 0) break;
    hash.Update(std::span(buffer).first(static_cast<size_t>(count)));
    result.size += static_cast<std::uint64_t>(count);
    if (advance) advance(static_cast<std::uint64_t>(count));
  }
  result.sha256 = ToHex(hash.Finish());
  return result;
}

}  // namespace hyprstream::registry
