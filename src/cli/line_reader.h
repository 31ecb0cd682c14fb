// Lines from standard input: with editing and history on a terminal (libedit), plainly otherwise.
// One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/terminal.h"

namespace hyprstream::cli {

class LineReader {
 public:
  virtual ~LineReader() = default;

  struct Line {
    enum class Kind { kText, kEnd, kInterrupted };  // kEnd: Ctrl-D or the end of the input
    Kind kind = Kind::kText;
    std::string text;  // without its newline
  };
  /// The prompt is shown on a terminal only.
  virtual Line Read(const std::string& prompt) = 0;

  static std::unique_ptr<LineReader> Create(const Terminal& terminal);
};

/// All of standard input. Errors: kIo.
std::string ReadAllInput();

}  // namespace hyprstream::cli
