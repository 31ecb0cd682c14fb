// One answer: received token by token, shown as it comes, and kept. Reasoning and answer are told
// apart. Ctrl-C ends the answer.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/shell.h"
#include "engine/engine.h"
#include "engine/prompt.h"
#include "engine/reasoning.h"

namespace hyprstream::cli {

struct Answer {
  std::string text;       // without reasoning
  std::string reasoning;  // empty when there was none
  std::vector<int32_t> ids;
  engine::FinishReason reason = engine::FinishReason::kStop;
  bool interrupted = false;
  uint64_t seed = 0;
  engine::Usage usage;
};

/// kHide: only the answer. kShow: reasoning too, dimmed, in a block of its own. kVerbatim:
/// everything as the model wrote it, tags included; nothing is told apart.
enum class ReasoningView { kHide, kShow, kVerbatim };

struct AnswerView {
  enum class When { kAsItComes, kAtTheEnd, kNever };
  When when = When::kAsItComes;
  ReasoningView reasoning = ReasoningView::kHide;
};

/// Submits, shows and returns the answer; ends what was shown with a newline.
/// Errors: those of Engine::Submit, and the generation's own.
Answer Ask(Shell& shell, engine::Engine& engine, engine::GenerationRequest request,
           const std::string& prompt_text, const AnswerView& view);

/// {"text", "reasoning"?, "finish_reason", "ids", "seed", "usage": {…}, "timing": {…}}
boost::json::object AnswerDocument(const Answer& answer);

}  // namespace hyprstream::cli
