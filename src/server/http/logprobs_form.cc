#include "server/http/logprobs_form.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "text/token_bytes.h"
#include "text/utf8.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

constexpr double kLeastLogprob = -9999.0;

json::array BytesOf(const std::string& bytes) {
  json::array list;
  for (const char c : bytes) list.push_back(static_cast<unsigned char>(c));
  return list;
}

json::object OneLogprob(const text::Tokenizer& tokenizer, int32_t id, float logprob) {
  const std::string bytes = text::TokenBytes(tokenizer, id);
  return {{"token", text::TokenText(bytes)},
          {"logprob", TellLogprob(logprob)},
          {"bytes", BytesOf(bytes)}};
}

}  // namespace

double TellLogprob(float logprob) {
  const auto value = static_cast<double>(logprob);
  return std::isfinite(value) ? std::max(value, kLeastLogprob) : kLeastLogprob;
}

json::object TokenLogprobObject(const text::Tokenizer& tokenizer, const engine::TokenEvent& token) {
  json::object entry = OneLogprob(tokenizer, token.id, token.logprob.value_or(-INFINITY));
  json::array best;
  for (const engine::TokenLogprob& one : token.top) {
    best.push_back(OneLogprob(tokenizer, one.id, one.logprob));
  }
  entry["top_logprobs"] = std::move(best);
  return entry;
}

void LogprobLists::Add(int32_t id, const std::optional<float>& logprob,
                       std::span<const engine::TokenLogprob> top) {
  const std::string text = text::TokenText(text::TokenBytes(*tokenizer_, id));
  tokens_.push_back(json::string(text));
  offsets_.push_back(offset_);
  offset_ += text::CountCodePoints(text);
  if (!logprob) {
    logprobs_.push_back(nullptr);
    tops_.push_back(nullptr);
    return;
  }
  logprobs_.push_back(TellLogprob(*logprob));
  json::object best;
  for (const engine::TokenLogprob& one : top) {
    best[text::TokenText(text::TokenBytes(*tokenizer_, one.id))] = TellLogprob(one.logprob);
  }
  tops_.push_back(std::move(best));
}

json::object LogprobLists::Take() {
  return {{"tokens", std::exchange(tokens_, {})},
          {"token_logprobs", std::exchange(logprobs_, {})},
          {"top_logprobs", std::exchange(tops_, {})},
          {"text_offset", std::exchange(offsets_, {})}};
}

}  // namespace hyprstream::server
