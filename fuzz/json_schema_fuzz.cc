// JSON schemas from a request: compiled, then walked. From every place that is not dead some text
// leads to the end, and what a walk has written is JSON.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/grammar_automaton.h"
#include "engine/json_grammar.h"
#include "engine/json_schema.h"
#include "text/json_value.h"

namespace {

using hyprstream::engine::Grammar;
using hyprstream::engine::GrammarAutomaton;

// The first byte from `wish` on that may come; -1: none.
int LivingByte(GrammarAutomaton& automaton, GrammarAutomaton::State state, uint8_t wish) {
  for (int i = 0; i < 256; ++i) {
    const auto byte = static_cast<uint8_t>(wish + i);
    if (automaton.Step(state, byte) != GrammarAutomaton::kDead) return byte;
  }
  return -1;
}

void Walk(GrammarAutomaton& automaton, const uint8_t* data, size_t size) {
  constexpr size_t kSteps = 200;
  GrammarAutomaton::State state = automaton.start();
  std::string text;
  for (size_t i = 0; i < kSteps && !automaton.exhausted(state); ++i) {
    const int byte = LivingByte(automaton, state, data[i % size]);
    if (byte < 0) {
      // Whole, and the places left need what the grammar never gives; else a dead end.
      if (!automaton.complete(state)) __builtin_trap();
      break;
    }
    text += static_cast<char>(byte);
    state = automaton.Step(state, static_cast<unsigned char>(byte));
  }
  if (automaton.complete(state)) hyprstream::text::ParseJson(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  hyprstream::text::Value schema;
  try {
    schema = hyprstream::text::ParseJson(source);
  } catch (const hyprstream::Error&) {
    return 0;
  }
  Grammar grammar;
  try {
    hyprstream::engine::JsonGrammar json(grammar);
    grammar.SetRoot(hyprstream::engine::CompileJsonSchema(schema, "schema", grammar, json));
    GrammarAutomaton automaton(grammar);
    if (automaton.start() == GrammarAutomaton::kDead) return 0;  // nothing satisfies it
    try {
      Walk(automaton, data, size);
    } catch (const hyprstream::Error& error) {
      if (error.code() != hyprstream::ErrorCode::kLimit) __builtin_trap();
    }
  } catch (const hyprstream::Error&) {
  }
  return 0;
}
