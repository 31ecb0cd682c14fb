// The arguments that `run`, `quick-start` and `chat` share, and the one way they ask: messages or
// plain text to a prompt, to a request, to an answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/sampling_flags.h"
#include "cli/session.h"

namespace hyprstream::cli {

struct AskFlags {
  std::string model;
  SamplingFlags sampling;
  EngineFlags engine;
  std::optional<std::string> system;
  std::optional<bool> think;
  std::vector<std::string> adapters;  // "PATH[:SCALE]"
  std::string history;                // file to begin with
  std::string save_history;           // file to write
  bool stream = true;
  bool raw = false;  // no chat template
  bool json = false;
  bool profile = false;

  /// Everything but the model and the prompt.
  void Register(CLI::App& verb);
};

/// A session and the conversation so far. One thread.
class Asker {
 public:
  /// Opens the model and the history. Errors: those of both.
  Asker(Shell& shell, const AskFlags& flags, int32_t default_max_tokens);

  /// Adds the user's message, shows the answer as the flags say, adds it to the conversation and
  /// saves that. When the answer fails, the message is taken back.
  Answer Say(const std::string& message);
  /// Continues the text as it is; there is no conversation.
  Answer Continue(const std::string& text);
  Conversation& conversation() { return conversation_; }
  const std::string& model_name() const { return session_.loaded().name; }
  Session& session() { return session_; }
  /// Laps the shell's profile with what the engine measured since the last lap.
  void LapEngine();

 private:
  Answer Ask(engine::Prompt prompt);
  AnswerView View() const;
  void ReportProblems(const Answer& answer) const;

  Shell& shell_;
  const AskFlags& flags_;
  Session session_;
  Conversation conversation_;
  engine::GenerationRequest request_;  // without a prompt
  engine::StepTimes lapped_;
};

/// Tokens of an answer to a single question.
inline constexpr int32_t kOneAnswerTokens = 100;

/// After one answer: the document when JSON was asked for (with `adapter` unless it is empty), the
/// profile. Returns the exit status: 130 when it was interrupted, as shells report SIGINT.
int ReportAnswer(Shell& shell, const AskFlags& flags, const Asker& asker, const Answer& answer,
                 const std::string& adapter = "");

/// Writes the profile to standard error when asked for, or puts it into the document.
void ReportProfile(Shell& shell, const AskFlags& flags, boost::json::object* document);

}  // namespace hyprstream::cli
