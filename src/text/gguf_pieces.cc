#include "text/gguf_pieces.h"

#include <cctype>
#include <set>

#include "base/error.h"

namespace hyprstream::text {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space

[[noreturn]] void Refuse(const PieceSource& source, std::string expected, std::string found) {
  throw Error(ErrorCode::kUnsupported, {.message = "GGUF has no way to say this of a tokenizer",
                                        .expected = std::move(expected),
                                        .found = std::move(found),
                                        .where = std::string(source.where),
                                        .hint = "write the model as safetensors"});
}

bool IsSpaceReplacement(const JsonField& step) {
  const auto pattern = step.Get("pattern").Find("String");
  return pattern && pattern->String() == " " && step.Get("content").String() == kSpace;
}

/// Whether a space is put before a text. Two forms are known: normalizers that prepend and replace,
/// or the pre-tokenizer Metaspace.
bool SpacePrefix(const PieceSource& source) {
  const auto normalizer = source.root.Find("normalizer");
  const auto words = source.root.Find("pre_tokenizer");
  if (words) {
    const bool whole = words->Get("type").String() == "Metaspace" && !normalizer &&
                       words->Get("replacement").String() == kSpace &&
                       !words->BoolOr("split", true);
    if (!whole) Refuse(source, "Metaspace without splitting", "another pre-tokenizer");
    const auto scheme = words->Find("prepend_scheme");
    return !scheme || scheme->String() != "never";
  }
  if (!normalizer) Refuse(source, "spaces that become U+2581", "no normalizer");
  bool prepends = false, replaces = false;
  const auto read = [&](const JsonField& step) {
    const std::string_view type = step.Get("type").String();
    if (type == "Prepend" && step.Get("prepend").String() == kSpace) {
      prepends = true;
    } else if (type == "Replace" && IsSpaceReplacement(step)) {
      replaces = true;
    } else {
      Refuse(source, "normalizers Prepend and Replace of spaces", std::string(type));
    }
  };
  if (normalizer->Get("type").String() == "Sequence") {
    const JsonField steps = normalizer->Get("normalizers");
    for (size_t i = 0; i < steps.Array().size(); ++i) read(steps.At(i));
  } else {
    read(*normalizer);
  }
  if (!replaces) Refuse(source, "spaces that become U+2581", "spaces as they are");
  return prepends;
}

/// Ways of cutting the piece in two that are pieces themselves.
size_t Cuts(const Tokenizer::Impl& parts, const std::string& piece) {
  const auto is_normal = [&](std::string_view text) {
    const TokenId id = parts.vocabulary.Find(text);
    return id != StringTable::kNone && parts.added.Find(id) == nullptr && !IsByteToken(text);
  };
  size_t cuts = 0;
  for (size_t cut = 1; cut < piece.size(); ++cut) {
    cuts += is_normal(std::string_view(piece).substr(0, cut)) &&
            is_normal(std::string_view(piece).substr(cut));
  }
  return cuts;
}

}  // namespace

bool IsByteToken(std::string_view token) {
  return token.size() == 6 && token.starts_with("<0x") && token[5] == '>' &&
         std::isxdigit(static_cast<unsigned char>(token[3])) &&
         std::isxdigit(static_cast<unsigned char>(token[4]));
}

PieceScores ScorePieces(const PieceSource& source) {
  const Tokenizer::Impl& parts = source.parts;
  PieceScores pieces{.scores = {}, .space_prefix = SpacePrefix(source)};
  const auto count = static_cast<size_t>(parts.EndId());
  constexpr float kNone = 1;
  pieces.scores.assign(count, kNone);
  float place = 0;
  std::string last;
  size_t merges_of_last = 0;
  const auto finish = [&] {
    if (last.empty() || merges_of_last == Cuts(parts, last)) return;
    Refuse(source, "a merge for every way of cutting a token in two",
           std::to_string(merges_of_last) + " of " + std::to_string(Cuts(parts, last)) + " for " +
               last);
  };
  for (const std::string& merge : source.merges) {
    const size_t space = merge.find(' ', 1);
    const std::string piece = merge.substr(0, space) + merge.substr(space + 1);
    if (piece != last) {
      finish();
      last = piece;
      merges_of_last = 0;
      float& score = pieces.scores[static_cast<size_t>(parts.vocabulary.Find(piece))];
      if (score != kNone)
        Refuse(source, "all merges of a token together", "two places for " + piece);
      score = -place++;
    }
    ++merges_of_last;
  }
  finish();
  pieces.lowest = -place;
  for (float& score : pieces.scores) {
    if (score == kNone) score = pieces.lowest;
  }
  return pieces;
}

}  // namespace hyprstream::text
