// Finds the calls of tools in an answer that arrives in pieces: Qwen's and Hermes' form, JSON with
// "name" and "arguments" between <tool_call> and </tool_call>. What is no well-formed call stays
// text. One thread, one answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::engine {

class ToolCallSplitter {
 public:
  struct Piece {
    enum class Kind { kText, kCall };
    Kind kind = Kind::kText;
    std::string text = {};       // for kText
    std::string name = {};       // for kCall
    std::string arguments = {};  // for kCall: JSON text, an object unless the model wrote a string
  };

  /// Pieces that are certain. White space before a call is held back, and left out when one comes.
  std::vector<Piece> Push(std::string_view text);
  /// What is still held back; a call without its closing tag counts. The answer is over afterwards.
  std::vector<Piece> Flush();

 private:
  bool Step(std::vector<Piece>& out, bool last);
  bool StepText(std::vector<Piece>& out, bool last);
  bool StepCall(std::vector<Piece>& out, bool last);

  bool inside_ = false;      // after an opening tag
  bool after_call_ = false;  // nothing but white space since the last call
  std::string held_;
};

}  // namespace hyprstream::engine
