#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/mapping_fault.h"
#include "base/posix_file.h"

namespace hyprstream {
std::shared_ptr<const MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer; regular files do not care.
  const internal::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) internal::FailFile("cannot open file", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) internal::FailFile("cannot open file", path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "cannot open file",
                 .expected = "a regular file",
                 .found = S_ISDIR(status.st_mode) ? "a directory" : "a special file",
                 .where = path.string()});
  }
  const auto size = static_cast<size_t>(status.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (mapping == MAP_FAILED) internal::FailFile("cannot open file", path, errno);
    data = static_cast<const std::byte*>(mapping);
  }
  std::shared_ptr<const MappedFile> mapped(new MappedFile(path, data, size));
  internal::RegisterMapping(mapped->bytes(), mapped->path().c_str());
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  internal::ForgetMapping(bytes());
  ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::DropPages(std::span<const std::byte> part) const {
  if (part.empty()) return;
  HYPR_CHECK(part.data() >= data_ && part.data() + part.size() <= data_ + size_);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // Only whole pages: the ends may belong to a neighbour that is still wanted.
  const size_t begin = (static_cast<size_t>(part.data() - data_) + page - 1) / page * page;
  const size_t end = static_cast<size_t>(part.data() + part.size() - data_) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(data_ + begin), end - begin, MADV_DONTNEED);
}

}  // namespace hyprstream
