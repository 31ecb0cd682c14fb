// The generations of one request on their way to a client: events of all choices in the order they
// come, texts told apart into reasoning, answer and calls of tools. Polled by the connection's
// thread; dropping it cancels what is unfinished.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/reasoning.h"
#include "engine/tool_calls.h"
#include "server/http/router.h"
#include "server/metrics.h"
#include "server/service.h"

namespace hyprstream::server {

/// What a client is told besides the pieces themselves.
struct AnswerHead {
  std::string id;
  int64_t created = 0;
  Speaker speaker;
  std::string fingerprint;
};

struct AnswerPart {
  enum class Kind { kReasoning, kContent, kToolCall };
  Kind kind = Kind::kContent;
  std::string text = {};  // of a call: its arguments, JSON
  std::string name = {};  // of the tool that is called
  int64_t call = 0;       // number of the call in its choice
};

struct AnswerUpdate {
  size_t choice = 0;
  std::optional<engine::TokenEvent> token = {};  // nothing: the choice has finished
  std::vector<AnswerPart> parts = {};
  engine::Finished finished = {};  // when there is no token
};

/// Sums over the choices of one prompt, or of several.
struct AnswerUsage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;
  int64_t total() const { return prompt_tokens + completion_tokens; }
};

class Answer {
 public:
  struct Options {
    /// Nothing: the text is one piece, whatever it says.
    std::optional<engine::ReasoningSplitter::Begin> reasoning;
    size_t choices_per_prompt = 1;
    bool tools = false;               // calls of tools are looked for
    ModelMetrics* metrics = nullptr;  // outlives the answer
    /// Called with the first choice's content when it is complete. May be empty.
    std::function<void(std::string)> remember = {};
  };

  /// Submits all requests. Errors: those of Engine::Submit.
  Answer(engine::Engine& engine, std::vector<engine::GenerationRequest> requests, Options options,
         std::shared_ptr<RequestRecord> record);

  Answer(Answer&&) = default;
  ~Answer();

  void WhenReady(const std::function<void()>& ready);
  /// What comes next of any choice; nothing when nothing is there now.
  std::optional<AnswerUpdate> TryNext();
  /// Every choice has finished and been told.
  bool finished() const { return unfinished_ == 0; }
  size_t choices() const { return choices_.size(); }
  size_t choices_per_prompt() const { return choices_per_prompt_; }
  const AnswerUsage& usage() const { return usage_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Choice {
    std::unique_ptr<engine::Generation> generation;
    std::optional<engine::ReasoningSplitter> reasoning;
    std::optional<engine::ToolCallSplitter> tools;
    int64_t calls = 0;
    int64_t tokens = 0;  // told
    Clock::time_point last_token = {};
    bool told = false;  // that it has finished
  };

  AnswerUpdate Tell(size_t index, engine::GenerationEvent event);
  void Split(Choice& choice, const std::string& text, bool last, AnswerUpdate& update);
  void SplitContent(Choice& choice, const std::string& text, AnswerUpdate& update);
  void Count(Choice& choice, size_t index, const engine::Usage& usage);
  void CountTokens(Choice& choice, int64_t tokens);
  void Time(Choice& choice);
  void Keep(const AnswerUpdate& update);

  std::vector<Choice> choices_;
  const size_t choices_per_prompt_;
  const std::shared_ptr<RequestRecord> record_;
  std::string version_;  // of the adapters
  ModelMetrics* const metrics_;
  std::function<void(std::string)> remember_;
  std::string content_;  // of the first choice, when it is to be remembered
  const Clock::time_point begin_ = Clock::now();
  AnswerUsage usage_;
  size_t unfinished_;
  size_t next_ = 0;  // where to look first, so that no choice starves another
};

/// "chatcmpl-…" with random digits.
std::string FreshId(std::string_view prefix);
int64_t UnixSeconds();
AnswerHead MakeHead(std::string_view id_prefix, Speaker speaker);

}  // namespace hyprstream::server
