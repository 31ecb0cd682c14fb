// Splits an answer that arrives in pieces into reasoning and what is meant for the reader: models
// that reason put it between <think> and </think> at the beginning. One thread, one answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::engine {

class ReasoningSplitter {
 public:
  enum class Kind { kReasoning, kAnswer };
  struct Piece {
    Kind kind;
    std::string text;
  };

  /// kInside: the prompt itself ended with "<think>", so the answer begins with reasoning.
  enum class Begin { kOutside, kInside };
  explicit ReasoningSplitter(Begin begin = Begin::kOutside);

  /// Pieces that may be shown; what could be the beginning of a tag is held back. The tags and the
  /// white space around the reasoning are left out.
  std::vector<Piece> Push(std::string_view text);
  /// What is still held back. The answer is over afterwards.
  std::vector<Piece> Flush();

 private:
  enum class State { kStart, kReasoning, kAfter, kAnswer };

  bool Step(std::vector<Piece>& out, bool last);
  void Emit(std::vector<Piece>& out, Kind kind, std::string_view text) const;
  void SkipSpace();
  bool StepStart(bool last);
  bool StepReasoning(std::vector<Piece>& out, bool last);

  State state_;
  bool reasoning_began_ = false;  // some of it other than white space has been seen
  std::string held_;
};

/// Whether a prompt leaves the model inside a reasoning block.
ReasoningSplitter::Begin ReasoningBegin(std::string_view prompt);

}  // namespace hyprstream::engine
