#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace hyprstream::cli {
namespace {

constexpr size_t kBufferBytes = 1 << 16;

}  // namespace

void Output::Write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) Flush();
}

void Output::Line(std::string_view text) {
  buffer_ += text;
  Write("\n");
}

void Output::Flush() {
  const std::string pending = std::exchange(buffer_, {});
  std::string_view rest = pending;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      throw BrokenPipe();
    } else if (errno != EINTR) {
      throw Error(ErrorCode::kIo,
                  {.message = "cannot write to standard output", .found = std::strerror(errno)});
    }
  }
}

}  // namespace hyprstream::cli
