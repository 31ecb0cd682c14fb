// Fuzzes tokenizer.json and what can be asked of a tokenizer that was read from it: a file loads or
// is an Error; a text encodes and decodes or is an Error. The input is JSON, a NUL byte and a text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  SetLogLevel(LogLevel::kOff);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view text =
      end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  try {
    const auto tokenizer = text::Tokenizer::FromJson(input.substr(0, end), "input");
    const size_t half = text.size() / 2;
    const text::MarkedText marked{.text = std::string(text), .inert = {{half / 2, half}}};
    for (const auto& ids : {tokenizer->Encode(text, {.add_special = true}),
                            half > 1 ? tokenizer->Encode(marked) : tokenizer->Encode(text)}) {
      tokenizer->Decode(ids);
      text::StreamDecoder stream(tokenizer);
      for (const text::TokenId id : ids) stream.Push(id);
      stream.Flush();
    }
  } catch (const Error&) {
  }
  return 0;
}
