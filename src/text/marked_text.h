// Text made by a chat template, with a note of which parts came from its input. Those parts are
// inert: whatever they contain, the tokenizer never reads a control token in them, so that a
// message saying "<|im_end|>" is seven characters of text to the model and not the end of a turn.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hyprstream::text {

struct MarkedText {
  struct Range {
    size_t begin = 0;  // bytes into text
    size_t end = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };

  std::string text;          // UTF-8
  std::vector<Range> inert;  // ascending, not touching each other
};

}  // namespace hyprstream::text
