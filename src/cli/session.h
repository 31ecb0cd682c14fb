// A model opened for asking: files, weights, tokenizer and a running engine, all counted against
// one memory limit. Owned by the verb, used by its thread.
#pragma once

#include <memory>
#include <string>

#include "base/memory_budget.h"
#include "cli/engine_flags.h"
#include "cli/shell.h"
#include "engine/engine.h"
#include "engine/load.h"
#include "engine/model_package.h"

namespace hyprstream::cli {

class Session {
 public:
  enum class Profiling { kOff, kOn };
  struct Options {
    engine::TokenizerNeed tokenizer = engine::TokenizerNeed::kRequired;
    ops::Arithmetic arithmetic = ops::Arithmetic::kServing;
    Profiling profiling = Profiling::kOff;
  };

  /// Shows progress, laps the shell's profile. Errors: those of opening and of the engine.
  Session(Shell& shell, const std::string& reference, const EngineFlags& flags,
          const Options& options);

  const engine::LoadedModel& loaded() const { return loaded_; }
  engine::Engine& engine() { return *engine_; }
  /// What comes with the model: its adapters are always on, its wishes hold where nothing else
  /// does.
  const engine::ModelPackage& package() const { return package_; }
  const engine::PackageParameters& parameters() const { return parameters_; }

 private:
  MemoryBudget budget_;
  engine::ModelPackage package_;
  engine::PackageParameters parameters_;
  engine::LoadedModel loaded_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace hyprstream::cli
