// The parts of a tokenizer, as the readers of tokenizer.json and of GGUF put them together.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/token_decoder.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace hyprstream::text {

/// Ids that the post-processor puts around a text.
struct Template {
  std::vector<TokenId> before = {};
  std::vector<TokenId> after = {};
};

struct Tokenizer::Impl {
  StringTable vocabulary;  // of the model, without tokens that were only added
  AddedTokens added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<const Bpe> bpe;
  Template around;
  TokenDecoder decoder;
  std::optional<TokenId> bos, eos;
  std::vector<TokenId> end_of_generation;
  std::string chat_template;

  /// Builds bpe from the parts above it.
  void MakeBpe(MergeTable merges, BpeRules rules);
  /// Adds the tokens whose spelling says that they end a generation; removes duplicates.
  void AddWellKnownEnds();

  std::string_view Spelling(TokenId id) const;
  /// What the decoder gets for `id`; nothing for an unknown id or a special one to be skipped.
  std::optional<std::string_view> DecodedSpelling(TokenId id, bool skip_special) const;
  int64_t EndId() const;
};

/// What tokenizer.json's text says, not yet shared.
std::unique_ptr<Tokenizer::Impl> ReadTokenizerJson(std::string_view json, std::string_view where);

/// The vocabulary in a GGUF file's metadata.
std::unique_ptr<Tokenizer::Impl> ReadGgufVocabulary(const formats::GgufFile& file);

/// Limits on what a vocabulary may claim.
struct VocabularyLimits {
  static constexpr size_t kTokens = 1 << 22;
  static constexpr size_t kMerges = 1 << 23;
  static constexpr size_t kTokenBytes = 1 << 20;
  static constexpr size_t kTotalBytes = 1 << 28;
};

}  // namespace hyprstream::text
