// The flags that say what a model may use of the machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/settings.h"
#include "engine/engine.h"

namespace CLI {
class App;
}

namespace hyprstream::cli {

struct EngineFlags {
  std::optional<int> threads;
  std::optional<std::string> memory_limit;
  std::optional<int64_t> context;
  std::optional<std::string> cache_type;
  std::optional<int64_t> draft_max;
  std::optional<std::string> device;

  void Register(CLI::App& verb);
  /// Only --threads and --memory-limit, for verbs that compute without an engine.
  void RegisterMachine(CLI::App& verb);
  void RegisterContext(CLI::App& verb);

  /// Flags before settings. Errors: kUsage naming the flag; kUnsupported for a device this build
  /// does not have.
  engine::EngineOptions Resolve(const Settings& settings) const;
  Bytes MemoryLimit(const Settings& settings) const;
  int Threads(const Settings& settings) const;
};

/// "f32" or "bf16". Errors: kUsage.
DType ParseCacheType(const std::string& text);

}  // namespace hyprstream::cli
