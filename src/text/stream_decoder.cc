#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_impl.h"

namespace hyprstream::text {

struct StreamDecoder::State {
  std::shared_ptr<const Tokenizer> tokenizer;
  bool skip_special;
  TokenStream stream;
};

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special) {
  HYPR_CHECK(tokenizer != nullptr);
  TokenStream stream(tokenizer->impl().decoder);
  state_ = std::make_unique<State>(State{std::move(tokenizer), skip_special, std::move(stream)});
}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::Push(TokenId id) {
  const auto spelling = state_->tokenizer->impl().DecodedSpelling(id, state_->skip_special);
  return spelling ? state_->stream.Push(*spelling) : std::string();
}

std::string StreamDecoder::Flush() { return state_->stream.Flush(); }

}  // namespace hyprstream::text
