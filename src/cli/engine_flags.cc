#include "cli/engine_flags.h"

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace hyprstream::cli {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int64_t kMaxDraft = 64;

void CheckDevice(const std::string& device) {
  if (device == "auto" || device == "cpu") return;
  if (device == "cuda") {
    throw Error(ErrorCode::kUnsupported, {.message = "this build computes on the CPU only",
                                          .found = "--device cuda",
                                          .hint = "use --device auto"});
  }
  throw Error(ErrorCode::kUsage, {.message = "unknown device",
                                  .expected = "auto or cpu",
                                  .found = "\"" + device + "\"",
                                  .where = "--device"});
}

int64_t CheckRange(std::string_view flag, int64_t value, int64_t most) {
  if (value >= 0 && value <= most) return value;
  throw Error(ErrorCode::kUsage, {.message = "value out of range",
                                  .expected = "0 to " + std::to_string(most),
                                  .found = std::to_string(value),
                                  .where = std::string(flag)});
}

}  // namespace

DType ParseCacheType(const std::string& text) {
  if (text == "f32") return DType::kF32;
  if (text == "bf16") return DType::kBF16;
  throw Error(ErrorCode::kUsage, {.message = "unknown type of the key/value cache",
                                  .expected = "f32 or bf16",
                                  .found = "\"" + text + "\"",
                                  .where = "--cache-type"});
}

void EngineFlags::RegisterMachine(CLI::App& verb) {
  verb.add_option("--threads", threads, "Threads to compute with; 0: all processors")
      ->group("Machine");
  verb.add_option("--memory-limit", memory_limit, "Weights, cache and scratch, such as 1.5G")
      ->group("Machine");
}

void EngineFlags::RegisterContext(CLI::App& verb) {
  verb.add_option("--context", context, "Longest sequence in tokens; 0: the model's, at most 4096")
      ->group("Machine");
}

void EngineFlags::Register(CLI::App& verb) {
  RegisterMachine(verb);
  RegisterContext(verb);
  verb.add_option("--cache-type", cache_type, "Type of cached keys and values: f32 or bf16")
      ->group("Machine");
  verb.add_option(
          "--draft-max", draft_max,
          "Tokens guessed from the text so far and checked in one step (default 8); 0: none")
      ->group("Machine");
  verb.add_option("--device", device, "auto or cpu")->group("Machine");
}

int EngineFlags::Threads(const Settings& settings) const {
  const int64_t count = threads ? *threads : settings.Integer("engine.threads").value_or(0);
  return static_cast<int>(CheckRange("--threads", count, kMaxThreads));
}

Bytes EngineFlags::MemoryLimit(const Settings& settings) const {
  if (!memory_limit) return {settings.Size("engine.memory_limit").value_or(0)};
  try {
    return ParseBytes(*memory_limit);
  } catch (const Error& error) {
    throw Error(ErrorCode::kUsage, error.Within("--memory-limit").detail());
  }
}

engine::EngineOptions EngineFlags::Resolve(const Settings& settings) const {
  CheckDevice(device.value_or(settings.Text("engine.device").value_or("auto")));
  engine::EngineOptions options;
  options.threads = Threads(settings);
  options.context = CheckRange(
      "--context", context ? *context : settings.Integer("engine.context").value_or(0), 1 << 24);
  const int64_t draft =
      draft_max ? *draft_max : settings.Integer("engine.draft_max").value_or(options.draft_tokens);
  options.draft_tokens = static_cast<int32_t>(CheckRange("--draft-max", draft, kMaxDraft));
  options.cache_dtype =
      ParseCacheType(cache_type.value_or(settings.Text("engine.cache_type").value_or("bf16")));
  return options;
}

}  // namespace hyprstream::cli
