#include "engine/tool_calls.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "text/json_value.h"

namespace hyprstream::engine {
namespace {

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kClose = "</tool_call>";
constexpr std::string_view kSpace = " \t\r\n";

/// Length of the longest end of `text` that may become white space and an opening tag.
size_t Uncertain(std::string_view text) {
  size_t tag = std::min(text.size(), kOpen.size() - 1);
  while (tag > 0 && !text.ends_with(kOpen.substr(0, tag))) --tag;
  const size_t last = text.substr(0, text.size() - tag).find_last_not_of(kSpace);
  return text.size() - (last == std::string_view::npos ? 0 : last + 1);
}

std::optional<ToolCallSplitter::Piece> ParseCall(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return std::nullopt;
  try {
    const text::Value call =
        text::ParseJson(text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin));
    const text::Value* name = call.Find("name");
    const text::Value* arguments = call.Find("arguments");
    if (name == nullptr || !name->is_string()) return std::nullopt;
    ToolCallSplitter::Piece piece{
        .kind = ToolCallSplitter::Piece::Kind::kCall, .name = name->as_string(), .arguments = "{}"};
    if (arguments != nullptr && arguments->is_string()) {
      piece.arguments = arguments->as_string();
    } else if (arguments != nullptr) {
      piece.arguments = text::WriteJson(*arguments);
    }
    return piece;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void EmitText(std::vector<ToolCallSplitter::Piece>& out, std::string_view text) {
  if (!text.empty()) out.push_back({.text = std::string(text)});
}

}  // namespace

std::vector<ToolCallSplitter::Piece> ToolCallSplitter::Push(std::string_view text) {
  held_ += text;
  std::vector<Piece> out;
  while (Step(out, false)) {
  }
  return out;
}

std::vector<ToolCallSplitter::Piece> ToolCallSplitter::Flush() {
  std::vector<Piece> out;
  while (Step(out, true)) {
  }
  return out;
}

bool ToolCallSplitter::Step(std::vector<Piece>& out, bool last) {
  return inside_ ? StepCall(out, last) : StepText(out, last);
}

bool ToolCallSplitter::StepText(std::vector<Piece>& out, bool last) {
  const size_t tag = held_.find(kOpen);
  if (tag != std::string::npos) {
    const std::string_view before = std::string_view(held_).substr(0, tag);
    EmitText(out, before.substr(0, before.find_last_not_of(kSpace) + 1));
    held_.erase(0, tag + kOpen.size());
    inside_ = true;
    return true;
  }
  const size_t keep = last ? 0 : Uncertain(held_);
  const std::string_view shown = std::string_view(held_).substr(0, held_.size() - keep);
  if (shown.find_first_not_of(kSpace) != std::string_view::npos) after_call_ = false;
  // White space after the last call is nobody's answer.
  if (!after_call_) EmitText(out, shown);
  held_.erase(0, shown.size());
  return false;
}

bool ToolCallSplitter::StepCall(std::vector<Piece>& out, bool last) {
  const size_t close = held_.find(kClose);
  if (close == std::string::npos && !last) return false;
  const std::string_view body = std::string_view(held_).substr(0, close);
  const size_t used = close == std::string::npos ? held_.size() : close + kClose.size();
  if (auto call = ParseCall(body)) {
    after_call_ = true;
    out.push_back(std::move(*call));
  } else {
    EmitText(out, std::string(kOpen) + held_.substr(0, used));
  }
  held_.erase(0, used);
  inside_ = false;
  return !held_.empty();
}

}  // namespace hyprstream::engine
