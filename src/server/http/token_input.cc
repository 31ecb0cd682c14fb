#include "server/http/token_input.h"

#include <utility>

namespace hyprstream::server {
namespace {

constexpr size_t kMaxInputs = 2048;

TokenInput FromText(const JsonField& field, const ServedModel& model, ForWhat what) {
  const std::string text = field.Text();
  if (what == ForWhat::kContinuing) {
    engine::Prompt prompt = model.loaded.prompts->Continuation(text);
    return {.ids = std::move(prompt.ids), .text = std::move(prompt.text)};
  }
  if (text.empty()) field.Refuse("text that is not empty");
  return {.ids = model.loaded.tokenizer->Encode(text, {.add_special = true}), .text = text};
}

TokenInput FromIds(const JsonField& field, const ServedModel& model) {
  const int64_t vocab = model.loaded.model->config().vocab_size;
  TokenInput input;
  for (const JsonField& id : field.List()) {
    input.ids.push_back(static_cast<int32_t>(id.Integer(0, vocab - 1)));
  }
  if (input.ids.empty()) field.Refuse("at least one token id");
  input.text = model.loaded.tokenizer->Decode(input.ids);
  return input;
}

TokenInput FromEither(const JsonField& field, const ServedModel& model, ForWhat what) {
  if (field.value().is_string()) return FromText(field, model, what);
  if (!field.value().is_array()) field.Refuse("a string or an array of token ids");
  return FromIds(field, model);
}

}  // namespace

std::vector<TokenInput> ReadTokenInputs(const JsonField& field, const ServedModel& model,
                                        ForWhat what) {
  if (field.value().is_string()) return {FromText(field, model, what)};
  if (!field.value().is_array()) field.Refuse("a string, or an array of strings or token ids");
  const boost::json::array& items = field.value().get_array();
  if (items.empty()) field.Refuse("at least one text");
  if (items.front().is_number()) return {FromIds(field, model)};
  if (items.size() > kMaxInputs) field.Refuse("at most 2048 texts");
  std::vector<TokenInput> inputs;
  for (const JsonField& item : field.List()) inputs.push_back(FromEither(item, model, what));
  return inputs;
}

int64_t TokensOf(std::span<const TokenInput> inputs) {
  int64_t tokens = 0;
  for (const TokenInput& input : inputs) tokens += std::ssize(input.ids);
  return tokens;
}

}  // namespace hyprstream::server
