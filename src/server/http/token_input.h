// Texts and token ids as the fields "prompt" and "input" may hold them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/http/json_fields.h"
#include "server/service.h"

namespace hyprstream::server {

struct TokenInput {
  std::vector<int32_t> ids;
  std::string text;
};

/// kContinuing: as PromptBuilder::Continuation. kEmbedding: with what the tokenizer adds, and no
/// empty text.
enum class ForWhat { kContinuing, kEmbedding };

/// A string, an array of strings, an array of ids or an array of such arrays. At most 2048.
/// Errors: kInvalidArgument naming the field.
std::vector<TokenInput> ReadTokenInputs(const JsonField& field, const ServedModel& model,
                                        ForWhat what);

int64_t TokensOf(std::span<const TokenInput> inputs);

}  // namespace hyprstream::server
