#include "engine/reasoning.h"

#include <algorithm>

namespace hyprstream::engine {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kSpace = " \t\r\n";

/// Length of the longest end of `text` that `tag` begins with.
size_t PartialTag(std::string_view text, std::string_view tag) {
  for (size_t length = std::min(text.size(), tag.size() - 1); length > 0; --length) {
    if (text.ends_with(tag.substr(0, length))) return length;
  }
  return 0;
}

size_t TrailingSpace(std::string_view text) {
  const size_t last = text.find_last_not_of(kSpace);
  return last == std::string_view::npos ? text.size() : text.size() - last - 1;
}

}  // namespace

ReasoningSplitter::ReasoningSplitter(Begin begin)
    : state_(begin == Begin::kInside ? State::kReasoning : State::kStart) {}

std::vector<ReasoningSplitter::Piece> ReasoningSplitter::Push(std::string_view text) {
  held_ += text;
  std::vector<Piece> out;
  while (Step(out, false)) {
  }
  return out;
}

std::vector<ReasoningSplitter::Piece> ReasoningSplitter::Flush() {
  std::vector<Piece> out;
  while (Step(out, true)) {
  }
  return out;
}

bool ReasoningSplitter::Step(std::vector<Piece>& out, bool last) {
  switch (state_) {
    case State::kStart:
      return StepStart(last);
    case State::kReasoning:
      return StepReasoning(out, last);
    case State::kAfter:
      SkipSpace();
      if (held_.empty()) return false;
      state_ = State::kAnswer;
      return true;
    case State::kAnswer:
      Emit(out, Kind::kAnswer, held_);
      held_.clear();
      return false;
  }
  return false;
}

bool ReasoningSplitter::StepStart(bool last) {
  const size_t begin = std::min(held_.find_first_not_of(kSpace), held_.size());
  const std::string_view rest = std::string_view(held_).substr(begin);
  if (rest.starts_with(kOpen)) {
    held_.erase(0, begin + kOpen.size());
    state_ = State::kReasoning;
    return true;
  }
  if (!last && kOpen.starts_with(rest)) return false;
  state_ = State::kAnswer;
  return !held_.empty();
}

bool ReasoningSplitter::StepReasoning(std::vector<Piece>& out, bool last) {
  if (!reasoning_began_) {
    SkipSpace();
    if (held_.empty()) return false;
  }
  const size_t close = held_.find(kClose);
  std::string_view shown = std::string_view(held_).substr(0, std::min(close, held_.size()));
  if (close == std::string::npos && !last) shown.remove_suffix(PartialTag(shown, kClose));
  shown.remove_suffix(TrailingSpace(shown));
  reasoning_began_ = reasoning_began_ || !shown.empty();
  const size_t used = shown.size();
  Emit(out, Kind::kReasoning, shown);
  if (close == std::string::npos) {
    held_.erase(0, last ? held_.size() : used);
    return false;
  }
  held_.erase(0, close + kClose.size());
  state_ = State::kAfter;
  return true;
}

void ReasoningSplitter::Emit(std::vector<Piece>& out, Kind kind, std::string_view text) const {
  if (!text.empty()) out.push_back({kind, std::string(text)});
}

void ReasoningSplitter::SkipSpace() {
  held_.erase(0, std::min(held_.find_first_not_of(kSpace), held_.size()));
}

ReasoningSplitter::Begin ReasoningBegin(std::string_view prompt) {
  prompt.remove_suffix(TrailingSpace(prompt));
  return prompt.ends_with(kOpen) ? ReasoningSplitter::Begin::kInside
                                 : ReasoningSplitter::Begin::kOutside;
}

}  // namespace hyprstream::engine
