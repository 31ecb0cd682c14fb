#include "server/http/answer.h"

#include <chrono>
#include <utility>

#include "base/uuid.h"

namespace hyprstream::server {
namespace {

using Kind = AnswerPart::Kind;
using Splitter = engine::ReasoningSplitter;
using CallPiece = engine::ToolCallSplitter::Piece;

void AddCalls(std::vector<CallPiece> pieces, int64_t& calls, std::vector<AnswerPart>& parts) {
  for (CallPiece& piece : pieces) {
    if (piece.kind == CallPiece::Kind::kText) {
      parts.push_back({.text = std::move(piece.text)});
    } else {
      parts.push_back({.kind = Kind::kToolCall,
                       .text = std::move(piece.arguments),
                       .name = std::move(piece.name),
                       .call = calls++});
    }
  }
}

}  // namespace

Answer::Answer(engine::Engine& engine, std::vector<engine::GenerationRequest> requests,
               Options options, std::shared_ptr<RequestRecord> record)
    : choices_per_prompt_(options.choices_per_prompt),
      record_(std::move(record)),
      metrics_(options.metrics),
      remember_(std::move(options.remember)),
      unfinished_(requests.size()) {
  int64_t prompt_tokens = 0;
  for (engine::GenerationRequest& request : requests) {
    if (choices_.size() % choices_per_prompt_ == 0) prompt_tokens += std::ssize(request.prompt);
    Choice& choice = choices_.emplace_back();
    if (options.reasoning) choice.reasoning.emplace(*options.reasoning);
    if (options.tools) choice.tools.emplace();
    choice.generation = engine.Submit(std::move(request));
  }
  if (record_ != nullptr) {
    version_ = record_->version;
    record_->prompt_tokens = prompt_tokens;
  }
  if (metrics_ == nullptr) return;
  metrics_->choices.Observe(static_cast<double>(choices_per_prompt_));
  metrics_->Enter(version_);
}

// What is not told when the client has left counts as called off.
Answer::~Answer() {
  if (choices_.empty() || metrics_ == nullptr) return;  // moved from
  for (size_t i = 0; i < unfinished_; ++i) ++metrics_->aborted;
  metrics_->Leave(version_);
}

void Answer::Time(Choice& choice) {
  if (metrics_ == nullptr) return;
  const auto now = Clock::now();
  if (choice.last_token == Clock::time_point{}) {
    metrics_->time_to_first_token.Observe(now - begin_);
  } else {
    metrics_->inter_token.Observe(now - choice.last_token);
  }
  choice.last_token = now;
}

void Answer::WhenReady(const std::function<void()>& ready) {
  for (Choice& choice : choices_) choice.generation->WhenReady(ready);
}

std::optional<AnswerUpdate> Answer::TryNext() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const size_t index = (next_ + i) % choices_.size();
    if (choices_[index].told) continue;
    if (auto event = choices_[index].generation->TryNext()) {
      next_ = index + 1;
      return Tell(index, std::move(*event));
    }
  }
  return std::nullopt;
}

AnswerUpdate Answer::Tell(size_t index, engine::GenerationEvent event) {
  Choice& choice = choices_[index];
  AnswerUpdate update{.choice = index};
  if (auto* token = std::get_if<engine::TokenEvent>(&event)) {
    Time(choice);
    CountTokens(choice, 1);
    Split(choice, token->text, false, update);
    if (!update.parts.empty() && update.parts.front().kind == Kind::kReasoning) {
      ++usage_.reasoning_tokens;
    }
    update.token = std::move(*token);
    Keep(update);
    return update;
  }
  update.finished = std::get<engine::Finished>(std::move(event));
  Split(choice, update.finished.text, true, update);
  Count(choice, index, update.finished.usage);
  if (metrics_ != nullptr) metrics_->Finished(update.finished);
  Keep(update);
  choice.told = true;
  --unfinished_;
  return update;
}

void Answer::Split(Choice& choice, const std::string& text, bool last, AnswerUpdate& update) {
  const auto add = [&](const std::vector<Splitter::Piece>& pieces) {
    for (const Splitter::Piece& piece : pieces) {
      if (piece.kind == Splitter::Kind::kReasoning) {
        update.parts.push_back({.kind = Kind::kReasoning, .text = piece.text});
      } else {
        SplitContent(choice, piece.text, update);
      }
    }
  };
  if (!choice.reasoning) {
    SplitContent(choice, text, update);
  } else {
    add(choice.reasoning->Push(text));
    if (last) add(choice.reasoning->Flush());
  }
  if (last && choice.tools) AddCalls(choice.tools->Flush(), choice.calls, update.parts);
}

void Answer::SplitContent(Choice& choice, const std::string& text, AnswerUpdate& update) {
  if (choice.tools) {
    AddCalls(choice.tools->Push(text), choice.calls, update.parts);
  } else if (!text.empty()) {
    update.parts.push_back({.text = text});
  }
}

void Answer::Keep(const AnswerUpdate& update) {
  if (!remember_ || update.choice != 0) return;
  for (const AnswerPart& part : update.parts) {
    if (part.kind == Kind::kContent) content_ += part.text;
  }
  if (update.token) return;
  using Reason = engine::FinishReason;
  const Reason reason = update.finished.reason;
  if (reason == Reason::kStop || reason == Reason::kLength) remember_(std::move(content_));
}

// A prompt counts once, however many choices it has.
void Answer::Count(Choice& choice, size_t index, const engine::Usage& usage) {
  if (index % choices_per_prompt_ == 0) {
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.cached_tokens += usage.cached_tokens;
  }
  CountTokens(choice, usage.generated_tokens - choice.tokens);
}

// As they come: what a client that leaves has taken is known as well.
void Answer::CountTokens(Choice& choice, int64_t tokens) {
  choice.tokens += tokens;
  usage_.completion_tokens += tokens;
  if (record_ != nullptr) record_->completion_tokens = usage_.completion_tokens;
}

std::string FreshId(std::string_view prefix) {
  std::string id(prefix);
  for (const char c : RandomUuid()) {
    if (c != '-') id += c;
  }
  return id;
}

AnswerHead MakeHead(std::string_view id_prefix, Speaker speaker) {
  std::string fingerprint = speaker.fingerprint();
  return {.id = FreshId(id_prefix),
          .created = UnixSeconds(),
          .speaker = std::move(speaker),
          .fingerprint = std::move(fingerprint)};
}

int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace hyprstream::server
