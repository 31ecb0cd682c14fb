// What tokenizer_config.json says beyond the tokenizer itself: chat templates and the names of the
// special tokens a template may use.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyprstream::text {

struct TokenizerConfig {
  std::string chat_template = {};  // empty: none
  std::string tool_template = {};  // the one named "tool_use", when there are several
  std::vector<std::pair<std::string, std::string>> special_tokens = {};  // {"bos_token", "<s>"}, …
};

/// Empty text gives an empty configuration. Errors: kDataLoss.
TokenizerConfig ParseTokenizerConfig(std::string_view json);

}  // namespace hyprstream::text
