// Go templates of Ollama models: each is refused with an Error, or becomes Jinja that compiles.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/chat_template.h"
#include "text/go_template.h"

namespace text = hyprstream::text;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string jinja;
  try {
    jinja = text::JinjaOfGoTemplate({reinterpret_cast<const char*>(data), size});
  } catch (const hyprstream::Error&) {
    return 0;
  }
  try {
    text::ChatTemplate::Compile(jinja);
  } catch (const text::TemplateError& error) {
    // Only what is too much of a good thing may be refused.
    if (error.kind() != text::TemplateErrorKind::kLimit) __builtin_trap();
  }
  return 0;
}
