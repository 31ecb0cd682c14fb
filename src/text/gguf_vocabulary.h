// A vocabulary of tokenizer.json as llama.cpp's converter writes it into a GGUF file's metadata:
// what Tokenizer::FromGguf reads again. Facts: convert_hf_to_gguf.py and gguf-py/gguf/vocab.py of
// llama.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/gguf_writer.h"
#include "text/tokenizer_config.h"

namespace hyprstream::text {

struct GgufVocabularyInput {
  std::string_view tokenizer_json = {};
  std::string_view where = {};        // names it in errors
  TokenizerConfig config = {};        // roles of tokens, the chat template
  std::string chat_template = {};     // instead of the configuration's; empty: that one
  std::vector<int32_t> eos_ids = {};  // of the model's configuration; the tokenizer's goes first
  std::optional<int32_t> bos_id = {};
  int64_t vocab_size = 0;  // rows of the embedding; ids without a token become unused ones
};

/// Everything below tokenizer. Errors: those of Tokenizer::FromJson; kUnsupported naming what GGUF
/// cannot say: word patterns without a name there, merges that are not SentencePiece's.
std::vector<std::pair<std::string, formats::GgufField>> GgufVocabulary(
    const GgufVocabularyInput& input);

/// For a model without a tokenizer: its kind is "none".
std::vector<std::pair<std::string, formats::GgufField>> NoGgufVocabulary(
    const std::vector<int32_t>& eos_ids, std::optional<int32_t> bos_id);

}  // namespace hyprstream::text
