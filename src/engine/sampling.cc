#include "engine/sampling.h"

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

std::string Text(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

struct Range {
  double least;
  double most;
};

void CheckRange(std::string_view name, double value, Range range) {
  if (std::isfinite(value) && value >= range.least && value <= range.most) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = std::string(name) + " is out of range",
               .expected = "a number from " + Text(range.least) + " to " + Text(range.most),
               .found = Text(value),
               .where = std::string(name)});
}

}  // namespace

void ValidateSampling(const SamplingParams& params, int64_t vocab_size) {
  CheckRange("temperature", params.temperature, {0, 100});
  CheckRange("top_k", params.top_k, {0, 2147483647.0});
  CheckRange("top_p", params.top_p, {0, 1});
  CheckRange("min_p", params.min_p, {0, 1});
  CheckRange("repetition_penalty", params.repetition_penalty, {0.01, 100});
  CheckRange("repeat_last_n", params.repeat_last_n.value_or(-1), {-1, 2147483647.0});
  CheckRange("presence_penalty", params.presence_penalty, {-2, 2});
  CheckRange("frequency_penalty", params.frequency_penalty, {-2, 2});
  CheckRange("logprobs", params.logprobs, {-1, 100});
  for (const auto& [id, bias] : params.logit_bias) {
    CheckRange("logit_bias", bias, {-100, 100});
    if (id >= 0 && id < vocab_size) continue;
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "logit_bias names a token that the model does not have",
                 .expected = "ids from 0 to " + std::to_string(vocab_size - 1),
                 .found = std::to_string(id),
                 .where = "logit_bias"});
  }
}

}  // namespace hyprstream::engine
