// An adapter as the formats of others see it: an ordinary low-rank adapter, each module with
// as many ranks as it has components, modules without components left out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "adapters/stored_adapter.h"
#include "adapters/trainable_adapter.h"
#include "tensor/tensor.h"

namespace hyprstream::adapters {

/// y += scale · B (A x).
struct ExportedModule {
  size_t place = 0;  // index into the topology's places
  std::string path;  // "model.layers.0.self_attn.q_proj"
  int64_t rank = 0;
  Tensor a;  // f32 [rank, in]
  Tensor b;  // f32 [out, rank]
  double scale = 1.0;
};

/// kSeparate: B as it is stored; the format must say the scale. kInB: B times the scale, as it acts
/// in StoredAdapter::views(); the format must say 1.
enum class ScalePlace { kSeparate, kInB };

/// In the order of the places. Errors: kFailedPrecondition when the adapter has no components.
std::vector<ExportedModule> ExportModules(const StoredAdapter& adapter, ScalePlace scale);
/// One in training, B as it stands. `scales`: by place, besides the adapter's own; empty: 1.
std::vector<ExportedModule> ExportModules(const TrainableAdapter& adapter,
                                          std::span<const double> scales);

struct ExportOptions {
  std::string base_model = {};  // where the base is to be found; informational
};

}  // namespace hyprstream::adapters
