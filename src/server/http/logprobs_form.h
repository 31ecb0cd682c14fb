// Log-probabilities as OpenAI's two kinds of completions and Ollama tell them. Shows JSON types:
// for this layer's own sources only.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/request.h"
#include "text/tokenizer.h"

namespace hyprstream::server {

/// JSON has no −∞: at least −9999.
double TellLogprob(float logprob);

/// {"token", "logprob", "bytes", "top_logprobs": […]}.
boost::json::object TokenLogprobObject(const text::Tokenizer& tokenizer,
                                       const engine::TokenEvent& token);

/// The older form, four lists that grow token by token.
class LogprobLists {
 public:
  explicit LogprobLists(const text::Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  /// `logprob` nothing: the first token of an echoed prompt.
  void Add(int32_t id, const std::optional<float>& logprob,
           std::span<const engine::TokenLogprob> top);
  /// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; begins anew, but for the offset.
  boost::json::object Take();
  bool empty() const { return tokens_.empty(); }

 private:
  const text::Tokenizer* tokenizer_;
  boost::json::array tokens_;
  boost::json::array logprobs_;
  boost::json::array tops_;
  boost::json::array offsets_;
  size_t offset_ = 0;  // in characters
};

}  // namespace hyprstream::server
