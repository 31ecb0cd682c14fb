// SentencePiece's BPE, which tokenizer.json writes as merges and GGUF as scores. Private to text/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"
#include "text/tokenizer_impl.h"

namespace hyprstream::text {

struct PieceScores {
  std::vector<float> scores;  // by id; minus the place in the order in which pieces are joined
  float lowest = 0;           // of pieces that nothing is joined to
  bool space_prefix = false;  // a space is put before a text
};

struct PieceSource {
  const Tokenizer::Impl& parts;
  const JsonField& root;                // of tokenizer.json
  std::span<const std::string> merges;  // "left right", in order
  std::string_view where;
};

/// GGUF's rule joins the neighbours whose sum is the piece with the best score, whatever the two
/// are. That is what merges say only when they hold every way of cutting a piece in two, and all of
/// one piece together. Errors: kUnsupported when they do not, or when words are cut otherwise.
PieceScores ScorePieces(const PieceSource& source);

/// "<0x0A>"
bool IsByteToken(std::string_view token);

}  // namespace hyprstream::text
