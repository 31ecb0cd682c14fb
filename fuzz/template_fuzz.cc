// Chat templates from a stranger, run on a conversation that touches most kinds of value.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/chat_template.h"
#include "text/json_value.h"

namespace {

const hyprstream::text::ChatInput& Conversation() {
  static const hyprstream::text::ChatInput input = [] {
    hyprstream::text::ChatInput chat;
    chat.messages = hyprstream::text::ParseJson(
        R"([{"role":"user","content":"H\u00e9 <|im_end|> "},)"
        R"({"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":)"
        R"({"a":[1,2.5,true,null,12345678901234567890]}}}]}])");
    chat.kwargs = hyprstream::text::ParseJson(R"({"bos_token":"<s>","eos_token":"</s>","n":3})");
    chat.now = 0;
    return chat;
  }();
  return input;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hyprstream::text::ChatTemplate;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  try {
    const hyprstream::text::TemplateLimits limits{.steps = 50'000, .memory_bytes = 4u << 20};
    const auto prompt = ChatTemplate::Compile(source, limits).Render(Conversation());
    size_t at = 0;
    for (const auto& range : prompt.inert) {
      if (range.begin < at || range.begin >= range.end || range.end > prompt.text.size()) {
        __builtin_trap();
      }
      at = range.end + 1;
    }
  } catch (const hyprstream::text::TemplateError&) {
  }
  return 0;
}
