// What tokenizer.json calls the decoder: from the spellings of tokens to text, all at once or one
// token after another. TokenDecoder is immutable; a TokenStream belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/normalizer.h"
#include "text/utf8.h"

namespace hyprstream::text {

struct DecodeByteLevel {};
struct DecodeReplace {
  Pattern pattern;
  std::string content;
};
/// <0xHH> is a byte. kWholeRun: a run of them that is not UTF-8 as a whole is one U+FFFD per byte
/// (Hugging Face). kCharacters: only broken characters are, one U+FFFD per byte (SentencePiece).
struct DecodeByteFallback {
  enum class Broken { kWholeRun, kCharacters };
  Broken broken = Broken::kWholeRun;
};
struct DecodeFuse {};
struct DecodeStrip {
  std::string content = " ";  // one character
  size_t start = 0;
  size_t stop = 0;
};
struct DecodeMetaspace {
  std::string replacement = "\xE2\x96\x81";
  bool drop_first = true;
};
struct DecodeEndSuffix {
  std::string suffix = "</w>";
};

using DecoderStep = std::variant<DecodeByteLevel, DecodeReplace, DecodeByteFallback, DecodeFuse,
                                 DecodeStrip, DecodeMetaspace, DecodeEndSuffix>;

class TokenDecoder {
 public:
  /// Without a decoder the spellings are joined by spaces.
  TokenDecoder() = default;
  explicit TokenDecoder(std::vector<DecoderStep> steps) : steps_(std::move(steps)), joins_(false) {}

  std::string Decode(const std::vector<std::string_view>& spellings) const;
  /// What one token adds in the middle of a text, which may be a part of a character.
  std::string BytesInside(std::string_view spelling) const;

 private:
  friend class TokenStream;
  std::vector<DecoderStep> steps_;
  bool joins_ = true;  // by spaces
};

/// Gives out what is certain after each token.
class TokenStream {
 public:
  explicit TokenStream(const TokenDecoder& decoder);
  std::string Push(std::string_view spelling);
  std::string Flush();

 private:
  friend class TokenDecoder;
  std::string BytesOf(std::string_view spelling);
  std::string Trim(std::string text);

  const TokenDecoder* decoder_;
  Utf8Stream utf8_;
  bool is_first_ = true;
  bool owes_space_ = false;  // the last token ended a word; a space follows if another token does
  DecodeStrip ends_;         // what is still to be stripped from the whole text
  std::string held_;         // the end of the text, which may have to be stripped
};

}  // namespace hyprstream::text
