#include "server/http/ollama_fit.h"

#include <utility>
#include <vector>

namespace hyprstream::server {
namespace {

using text::Value;

bool HasRole(const Value& message, std::string_view role) {
  const Value* found = message.Find("role");
  return found != nullptr && found->is_string() && found->as_string() == role;
}

/// Where a conversation may begin: at each message of the user's but the first, and at the last.
std::vector<size_t> Beginnings(const std::vector<Value>& messages) {
  std::vector<size_t> places;
  bool first = true;
  for (size_t i = 0; i < messages.size(); ++i) {
    const bool user = HasRole(messages[i], "user");
    if ((user && !first) || (i > 0 && i + 1 == messages.size())) places.push_back(i);
    first = first && !user;
  }
  return places;
}

text::ChatInput From(const text::ChatInput& input, size_t begin) {
  const std::vector<Value>& messages = input.messages.items();
  std::vector<Value> kept;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i >= begin || HasRole(messages[i], "system")) kept.push_back(messages[i]);
  }
  text::ChatInput shorter = input;
  shorter.messages = Value::List(std::move(kept));
  return shorter;
}

}  // namespace

engine::Prompt FitChat(const engine::PromptBuilder& prompts, text::ChatInput& input,
                       int64_t context) {
  engine::Prompt whole = prompts.Chat(input);
  const auto fits = [&](const engine::Prompt& prompt) { return std::ssize(prompt.ids) < context; };
  const std::vector<size_t> places = Beginnings(input.messages.items());
  if (fits(whole) || places.empty()) return whole;
  // The first place from where it fits lies in [low, high]; at the last it has to.
  size_t low = 0, high = places.size() - 1;
  text::ChatInput best = From(input, places[high]);
  engine::Prompt prompt = prompts.Chat(best);
  while (low < high) {
    const size_t middle = (low + high) / 2;
    text::ChatInput shorter = From(input, places[middle]);
    engine::Prompt tried = prompts.Chat(shorter);
    if (!fits(tried)) {
      low = middle + 1;
      continue;
    }
    high = middle;
    best = std::move(shorter);
    prompt = std::move(tried);
  }
  input = std::move(best);
  return prompt;
}

}  // namespace hyprstream::server
