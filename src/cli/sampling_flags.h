// The flags that say how tokens are drawn, and the values that hold when a flag is not given: the
// environment and config.toml, then the model's generation_config.json, then the built-in defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/settings.h"
#include "engine/generation_defaults.h"
#include "engine/request.h"

namespace CLI {
class App;
}

namespace hyprstream::cli {

struct SamplingFlags {
  std::optional<float> temperature;
  std::optional<float> top_p;
  std::optional<int32_t> top_k;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
  std::optional<int32_t> repeat_last_n;
  std::optional<float> presence_penalty;
  std::optional<float> frequency_penalty;
  std::vector<std::string> logit_bias;  // "ID=VALUE"
  std::optional<uint64_t> seed;
  std::optional<int32_t> max_tokens;
  std::vector<std::string> stop;
  bool ignore_eos = false;

  void Register(CLI::App& verb);

  /// A request without its prompt. `max_tokens`: when nobody says. Errors: kUsage naming the flag.
  engine::GenerationRequest Resolve(const Settings& settings,
                                    const engine::GenerationDefaults& model_defaults,
                                    int32_t default_max_tokens) const;
  /// Flags alone: the most likely token unless a temperature is given, and nothing switched on that
  /// was not asked for. For results that must not depend on a user's settings.
  engine::GenerationRequest ResolvePlain(int32_t default_max_tokens) const;

 private:
  void AddCommon(engine::GenerationRequest& request) const;
};

}  // namespace hyprstream::cli
