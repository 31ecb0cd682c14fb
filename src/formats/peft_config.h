// adapter_config.json of PEFT, for LoRA: read into plain values, with everything refused by name
// that would change the result and is not done here. Facts: src/peft/tuners/lora/config.py of
// huggingface/peft. Immutable after it is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/module_pattern.h"

namespace hyprstream::formats {

/// "target_modules" or "exclude_modules".
struct PeftModuleSet {
  enum class Kind { kNone, kNames, kPattern, kAllLinear };

  Kind kind = Kind::kNone;
  std::vector<std::string> names = {};      // kNames: equal the path or end it after a dot
  std::vector<ModulePattern> pattern = {};  // kPattern: one

  bool Contains(std::string_view path) const;
};

/// A value for the modules that a pattern matches.
template <typename T>
struct PeftOverride {
  ModulePattern pattern;
  T value;
};

struct PeftConfig {
  static constexpr int64_t kMaxRank = 65536;

  std::string base_model_name_or_path = {};
  int64_t rank = 8;
  double alpha = 8;
  double dropout = 0;
  bool use_rslora = false;
  PeftModuleSet target_modules = {};
  PeftModuleSet exclude_modules = {};
  std::vector<int64_t> layers_to_transform = {};         // all when empty
  std::vector<ModulePattern> layer_patterns = {};        // the first group is a layer's number
  std::vector<PeftOverride<int64_t>> rank_pattern = {};  // the first that matches counts
  std::vector<PeftOverride<double>> alpha_pattern = {};

  /// True when PEFT would put an adapter on the module.
  bool Targets(std::string_view path) const;
  int64_t RankOf(std::string_view path) const;
  double AlphaOf(std::string_view path) const;
  /// alpha / rank, or alpha / sqrt(rank) with use_rslora (arXiv:2312.03732).
  double ScaleOf(std::string_view path) const;
};

/// Errors: kDataLoss for broken JSON or impossible values, kUnsupported naming the field.
PeftConfig ReadPeftConfig(std::string_view json);

}  // namespace hyprstream::formats
