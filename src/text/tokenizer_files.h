// The vocabulary in a GGUF file's metadata as Hugging Face's files: the other direction of
// gguf_vocabulary.h.
#pragma once

#include <optional>
#include <string>

#include "formats/gguf.h"

namespace hyprstream::text {

struct TokenizerFiles {
  std::string tokenizer_json;
  std::string tokenizer_config_json;  // roles of tokens, the chat template
};

/// Nothing when the file says that its model has no tokenizer. A whole tokenizer.json that the file
/// carries (tokenizer.huggingface.json) is given out as it is. Errors: those of
/// Tokenizer::FromGguf.
std::optional<TokenizerFiles> TokenizerFilesOf(const formats::GgufFile& file);

}  // namespace hyprstream::text
