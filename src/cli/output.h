// Standard output: results go here and nothing else. Buffered; a closed pipe is not an error but
// the end of the program's work, told by BrokenPipe. One thread.
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::cli {

/// Thrown when the reader of standard output has gone away. Not an Error: nothing went wrong.
struct BrokenPipe {};

class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}
  /// Errors: BrokenPipe; kIo for anything else the system refuses (a full disk).
  void Write(std::string_view text);
  void Line(std::string_view text);
  void Flush();

 private:
  int descriptor_;
  std::string buffer_;
};

}  // namespace hyprstream::cli
