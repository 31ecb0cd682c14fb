#include "text/token_bytes.h"

#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace hyprstream::text {

std::string TokenBytes(const Tokenizer& tokenizer, TokenId id) {
  const auto spelling = tokenizer.impl().DecodedSpelling(id, false);
  return spelling ? tokenizer.impl().decoder.BytesInside(*spelling) : std::string();
}

std::string TokenText(const std::string& bytes) {
  std::string text;
  Utf8Stream stream;
  stream.Push(bytes, text);
  stream.Finish(text);
  return text;
}

}  // namespace hyprstream::text
