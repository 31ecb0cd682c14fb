// What a bench measures: a model from a file, or a published shape with random weights.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/memory_budget.h"
#include "cli/shell.h"
#include "engine/load.h"
#include "model/model.h"

namespace hyprstream::cli {

struct SubjectFlags {
  std::optional<std::string> shape;
  std::optional<std::string> model;
  std::string type = "bf16";

  void Register(CLI::App& verb);
};

struct BenchSubject {
  std::string name;
  std::shared_ptr<const model::Model> model;
  DType type;                  // that most bytes of the weights have
  engine::LoadedModel loaded;  // random weights: without files and tokenizer
};

/// Errors: kUsage for an unknown shape or type; those of engine::OpenModel.
BenchSubject OpenSubject(Shell& shell, const SubjectFlags& flags, engine::Compute& compute,
                         MemoryBudget& budget,
                         engine::TokenizerNeed need = engine::TokenizerNeed::kNone);

/// Errors: kUsage naming the flag when the value is not in [1, most].
void CheckBenchValue(const char* flag, int64_t value, int64_t most, int64_t least = 1);

/// Multiplications and additions with weights of a forward pass: every token meets the layers, only
/// `outputs` of them the head. Attention is not counted.
double ForwardOperations(const model::ModelConfig& config, double tokens, double outputs);

}  // namespace hyprstream::cli
