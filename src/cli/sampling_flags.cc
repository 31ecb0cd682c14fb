#include "cli/sampling_flags.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "base/error.h"

namespace hyprstream::cli {
namespace {

std::pair<int32_t, float> ParseBias(const std::string& text) {
  int32_t id = 0;
  float value = 0;
  const size_t equals = text.find('=');
  if (equals != std::string::npos) {
    const char* middle = text.data() + equals;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), middle, id);
    const auto second = std::from_chars(middle + 1, end, value);
    if (first.ec == std::errc() && first.ptr == middle && second.ec == std::errc() &&
        second.ptr == end) {
      return {id, value};
    }
  }
  throw Error(ErrorCode::kUsage, {.message = "wrong value for --logit-bias",
                                  .expected = "ID=VALUE, such as 42=-100",
                                  .found = "\"" + text + "\""});
}

/// The first that is given.
template <typename T>
T First(const std::optional<T>& flag, std::optional<double> setting, const std::optional<T>& model,
        T fallback) {
  if (flag) return *flag;
  if (setting) return static_cast<T>(*setting);
  return model.value_or(fallback);
}

std::optional<double> AsNumber(const std::optional<int64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

}  // namespace

void SamplingFlags::Register(CLI::App& verb) {
  const std::string group = "Sampling";
  const auto add = [&](const char* name, auto& target, const char* help) {
    verb.add_option(name, target, help)->group(group);
  };
  add("--temperature", temperature, "Spread of the choice; 0 picks the most likely token");
  add("--top-p", top_p, "Smallest set of tokens with this probability");
  add("--top-k", top_k, "Only the k most likely tokens; 0: all");
  add("--min-p", min_p, "Least probability relative to the most likely token");
  add("--repetition-penalty", repetition_penalty, "Divides logits of tokens already seen; 1: off");
  add("--repeat-last-n", repeat_last_n,
      "Last tokens that the repetition penalty looks at; 0: none, -1: all");
  add("--presence-penalty", presence_penalty, "Subtracted once for a token of the answer; 0: off");
  add("--frequency-penalty", frequency_penalty, "Subtracted for each time it occurs; 0: off");
  verb.add_option("--logit-bias", logit_bias, "ID=VALUE added to a token's logit (repeatable)")
      ->allow_extra_args(false)
      ->group(group);
  add("--seed", seed, "Same seed, same answer");
  add("--max-tokens,-n", max_tokens, "Longest answer in tokens");
  verb.add_option("--stop", stop, "Text that ends the answer (repeatable)")
      ->allow_extra_args(false)
      ->group(group);
  verb.add_flag("--ignore-eos", ignore_eos, "Go on after the model's end of text")->group(group);
}

void SamplingFlags::AddCommon(engine::GenerationRequest& request) const {
  for (const std::string& text : logit_bias) {
    const auto [id, value] = ParseBias(text);
    request.sampling.logit_bias[id] = value;
  }
  request.sampling.repeat_last_n = repeat_last_n;
  request.stop = stop;
  request.ignore_eos = ignore_eos;
}

engine::GenerationRequest SamplingFlags::Resolve(const Settings& settings,
                                                 const engine::GenerationDefaults& model,
                                                 int32_t default_max_tokens) const {
  const std::optional<float> none;
  engine::GenerationRequest request;
  engine::SamplingParams& params = request.sampling;
  params.temperature =
      First(temperature, settings.Number("sampling.temperature"), model.temperature, 0.7f);
  params.top_p = First(top_p, settings.Number("sampling.top_p"), model.top_p, 0.9f);
  params.top_k = First(top_k, AsNumber(settings.Integer("sampling.top_k")), model.top_k, 40);
  params.min_p = First(min_p, settings.Number("sampling.min_p"), model.min_p, 0.0f);
  params.repetition_penalty =
      First(repetition_penalty, settings.Number("sampling.repetition_penalty"),
            model.repetition_penalty, 1.0f);
  params.presence_penalty =
      First(presence_penalty, settings.Number("sampling.presence_penalty"), none, 0.0f);
  params.frequency_penalty =
      First(frequency_penalty, settings.Number("sampling.frequency_penalty"), none, 0.0f);
  params.seed = seed;
  if (const auto set = settings.Integer("sampling.seed"); !seed && set) {
    params.seed = static_cast<uint64_t>(*set);
  }
  request.max_tokens = First(max_tokens, AsNumber(settings.Integer("sampling.max_tokens")),
                             std::optional<int32_t>(), default_max_tokens);
  AddCommon(request);
  return request;
}

engine::GenerationRequest SamplingFlags::ResolvePlain(int32_t default_max_tokens) const {
  engine::GenerationRequest request;
  engine::SamplingParams& params = request.sampling;
  params.temperature = temperature.value_or(0.0f);
  params.top_p = top_p.value_or(1.0f);
  params.top_k = top_k.value_or(0);
  params.min_p = min_p.value_or(0.0f);
  params.repetition_penalty = repetition_penalty.value_or(1.0f);
  params.presence_penalty = presence_penalty.value_or(0.0f);
  params.frequency_penalty = frequency_penalty.value_or(0.0f);
  params.seed = seed;
  request.max_tokens = max_tokens.value_or(default_max_tokens);
  AddCommon(request);
  return request;
}

}  // namespace hyprstream::cli
