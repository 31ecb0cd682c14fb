// `lora infer NAME --prompt P` and `lora chat NAME`: `run` and `chat` with an adapter of the store
// on its own base.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/ask_flags.h"
#include "cli/chat.h"
#include "cli/lora_verbs.h"

namespace hyprstream::cli {
namespace {

struct LoraAskFlags : AskFlags {
  std::string name;
  std::string prompt;
};

void Choose(LoraAskFlags& flags) {
  adapters::AdapterStore store = OpenStore();
  flags.model = store.Get(ParseAdapterReference(flags.name).name).base_model;
  flags.adapters.insert(flags.adapters.begin(), flags.name);
}

int Infer(Shell& shell, LoraAskFlags& flags) {
  Choose(flags);
  Asker asker(shell, flags, kOneAnswerTokens);
  const Answer answer = flags.raw ? asker.Continue(flags.prompt) : asker.Say(flags.prompt);
  return ReportAnswer(shell, flags, asker, answer, flags.name);
}

}  // namespace

void AddLoraAskVerbs(CLI::App& lora, Shell& shell) {
  const auto infer = std::make_shared<LoraAskFlags>();
  CLI::App& infer_verb = AddVerb(lora, shell, "infer", "Answer a prompt with an adapter",
                                 "hyprstream lora infer village --prompt \"Who is Rosa?\"",
                                 [&shell, infer] { return Infer(shell, *infer); });
  infer_verb.add_option("NAME", infer->name, "Name, or NAME@VERSION")->required();
  infer_verb.add_option("--prompt,-p", infer->prompt, "What to ask")->required();
  infer->Register(infer_verb);

  const auto chat = std::make_shared<LoraAskFlags>();
  CLI::App& chat_verb = AddVerb(lora, shell, "chat", "Chat with an adapter",
                                "hyprstream lora chat village", [&shell, chat] {
                                  Choose(*chat);
                                  return Chat(shell, *chat);
                                });
  chat_verb.add_option("NAME", chat->name, "Name, or NAME@VERSION")->required();
  chat->Register(chat_verb);
}

}  // namespace hyprstream::cli
