// What somebody who makes an adapter may say about it; the rest follows from the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_spec.h"

namespace hyprstream::adapters {

struct SpecWishes {
  AdapterKind kind = AdapterKind::kSparse;
  std::optional<int64_t> rank = {};
  std::optional<double> alpha = {};
  std::optional<double> sparsity = {};
  std::vector<model::Module> target_modules = {};  // empty: all; in any order
};

/// Alpha divided by the rank is the scale. Not checked: Topology does.
AdapterSpec MakeSpec(const SpecWishes& wishes, const model::ModelConfig& config,
                     std::string base_fingerprint);

}  // namespace hyprstream::adapters
