// How a model's author wants it sampled: generation_config.json. Values not given stay empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hyprstream::engine {

struct GenerationDefaults {
  std::optional<float> temperature;  // 0 when the file says do_sample false
  std::optional<int32_t> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
};

/// Empty text gives no defaults. Errors: kDataLoss naming the field and what was found.
GenerationDefaults ParseGenerationDefaults(std::string_view generation_config_json);

}  // namespace hyprstream::engine
