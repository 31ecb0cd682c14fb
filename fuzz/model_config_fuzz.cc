// config.json and generation_config.json, split at the first zero byte. Whatever is accepted must
// be within the ranges the rest of the program relies on.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "model/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t border = text.find('\0');
  const std::string_view generation =
      border == std::string_view::npos ? std::string_view() : text.substr(border + 1);
  try {
    const model::ModelConfig config =
        model::ParseConfigJson(text.substr(0, border), generation, "config.json");
    HYPR_CHECK(config.head_dim % 2 == 0);
    HYPR_CHECK(config.num_attention_heads % config.num_key_value_heads == 0);
    HYPR_CHECK(static_cast<int64_t>(config.window.size()) == config.num_hidden_layers);
    HYPR_CHECK(config.parameters() > 0);
  } catch (const Error&) {
  }
  return 0;
}
