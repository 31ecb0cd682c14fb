#include "cli/answer.h"

#include <boost/json.hpp>
#include <chrono>

#include "cli/interrupt.h"

namespace hyprstream::cli {
namespace {

using engine::ReasoningSplitter;
using Kind = ReasoningSplitter::Kind;

constexpr std::chrono::milliseconds kInterruptPoll{50};

/// Writes pieces to standard output as they come.
class Printer {
 public:
  Printer(Shell& shell, const AnswerView& view) : shell_(shell), view_(view) {}

  void Piece(Kind kind, std::string_view text) {
    if (view_.when == AnswerView::When::kNever) return;
    if (kind == Kind::kReasoning && view_.reasoning == ReasoningView::kHide) return;
    if (kind != kind_ && shown_) Put(std::string(StyleEnd(color())) + "\n\n");
    if (kind == Kind::kReasoning && !shown_) Put(StyleBegin(Style::kDim, color()));
    kind_ = kind;
    shown_ = true;
    Put(shell_.terminal.output ? Printable(text) : std::string(text));
    if (view_.when == AnswerView::When::kAsItComes) shell_.out.Flush();
  }

  void End() {
    if (view_.when == AnswerView::When::kNever) return;
    if (kind_ == Kind::kReasoning) Put(StyleEnd(color()));
    Put("\n");
    shell_.out.Flush();
  }

 private:
  bool color() const { return shell_.terminal.output_color; }
  void Put(std::string_view text) { shell_.out.Write(text); }

  Shell& shell_;
  const AnswerView& view_;
  Kind kind_ = Kind::kAnswer;
  bool shown_ = false;
};

class Receiver {
 public:
  Receiver(Shell& shell, const AnswerView& view, const std::string& prompt_text)
      : view_(view), printer_(shell, view), splitter_(engine::ReasoningBegin(prompt_text)) {}

  void Text(std::string_view text) {
    if (view_.reasoning == ReasoningView::kVerbatim) {
      Keep({Kind::kAnswer, std::string(text)});
    } else {
      for (const auto& piece : splitter_.Push(text)) Keep(piece);
    }
  }
  void End() {
    for (const auto& piece : splitter_.Flush()) Keep(piece);
    printer_.End();
  }
  Answer& answer() { return answer_; }

 private:
  void Keep(const ReasoningSplitter::Piece& piece) {
    if (piece.text.empty()) return;
    (piece.kind == Kind::kReasoning ? answer_.reasoning : answer_.text) += piece.text;
    printer_.Piece(piece.kind, piece.text);
  }

  const AnswerView& view_;
  Answer answer_;
  Printer printer_;
  ReasoningSplitter splitter_;
};

void Finish(engine::Finished& finished, Receiver& receiver) {
  receiver.Text(finished.text);
  receiver.answer().reason = finished.reason;
  receiver.answer().seed = finished.seed;
  receiver.answer().usage = finished.usage;
  if (finished.error) throw *finished.error;
}

}  // namespace

Answer Ask(Shell& shell, engine::Engine& engine, engine::GenerationRequest request,
           const std::string& prompt_text, const AnswerView& view) {
  Receiver receiver(shell, view, prompt_text);
  const InterruptScope interrupts;
  const auto generation = engine.Submit(std::move(request));
  while (!generation->finished()) {
    auto event = generation->NextUntil(std::chrono::steady_clock::now() + kInterruptPoll);
    if (InterruptScope::Take()) {
      receiver.answer().interrupted = true;
      generation->Cancel();
    }
    if (!event) continue;
    if (auto* token = std::get_if<engine::TokenEvent>(&*event)) {
      receiver.answer().ids.push_back(token->id);
      receiver.Text(token->text);
    } else {
      Finish(std::get<engine::Finished>(*event), receiver);
    }
  }
  receiver.End();
  return std::move(receiver.answer());
}

boost::json::object AnswerDocument(const Answer& answer) {
  const auto seconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  };
  boost::json::object document;
  document["text"] = answer.text;
  if (!answer.reasoning.empty()) document["reasoning"] = answer.reasoning;
  document["finish_reason"] = engine::FinishReasonName(answer.reason);
  document["ids"] = boost::json::array(answer.ids.begin(), answer.ids.end());
  document["seed"] = answer.seed;
  const engine::Usage& usage = answer.usage;
  document["usage"] = {{"prompt_tokens", usage.prompt_tokens},
                       {"cached_tokens", usage.cached_tokens},
                       {"completion_tokens", usage.generated_tokens},
                       {"total_tokens", usage.prompt_tokens + usage.generated_tokens}};
  const double decode = seconds(usage.decode);
  boost::json::object timing{{"queued_seconds", seconds(usage.queued)},
                             {"prefill_seconds", seconds(usage.prefill)},
                             {"decode_seconds", decode}};
  // The first token belongs to the prompt's pass.
  if (usage.generated_tokens > 1 && decode > 0) {
    timing["tokens_per_second"] = static_cast<double>(usage.generated_tokens - 1) / decode;
  }
  document["timing"] = std::move(timing);
  return document;
}

}  // namespace hyprstream::cli
