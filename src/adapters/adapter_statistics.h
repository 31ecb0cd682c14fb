// How many weights of an adapter differ from zero, counted tensor by tensor from its grid.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hyprstream::adapters {

struct TensorStatistics {
  std::string name;  // "model.layers.0.self_attn.q_proj.lora_A", "….delta"
  int64_t parameters_active = 0;
  int64_t parameters_total = 0;  // at the nominal rank
  int64_t components = 0;        // of the module
};

struct AdapterStatistics {
  int64_t parameters_active = 0;
  int64_t parameters_total = 0;
  int64_t components = 0;
  int64_t tiles = 0;
  std::vector<TensorStatistics> tensors = {};  // every tensor of every target module

  /// Share of the nominal weights that is zero.
  double sparsity() const {
    return 1.0 - static_cast<double>(parameters_active) / static_cast<double>(parameters_total);
  }
};

}  // namespace hyprstream::adapters
