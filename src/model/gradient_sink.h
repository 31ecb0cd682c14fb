// Where a backward pass leaves what it finds at each linear module: the module's input and the
// gradient of its output, of which every gradient of the module's adapter (and every sketch of the
// weight's own gradient) can be made. Optimisers and sketches live above. Called by the thread that
// runs the pass, once per place, from the last layer down.
#pragma once

#include <cstdint>
#include <span>

#include "model/batch.h"
#include "model/modules.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::model {

struct ModulePlace {
  int64_t layer = 0;
  Module module = Module::kQ;
  int64_t expert = 0;  // 0 in a dense layer

  friend auto operator<=>(const ModulePlace&, const ModulePlace&) = default;
};

/// Borrowed for the call.
struct LinearGradient {
  ModulePlace place;
  ConstMatrix x;   // [rows, in_features]
  ConstMatrix dy;  // [rows, out_features], of y = W x + Σ scale · B (A x)
  /// The batch's adapters as they fall on these rows.
  std::span<const AdapterUse> adapters;
  /// An expert's rows in the batch, ascending; empty: all rows of the batch.
  std::span<const int32_t> batch_rows = {};
};

class GradientSink {
 public:
  virtual ~GradientSink() = default;
  /// Whether Take is to be called for this place. The answer must not change between a forward pass
  /// and its backward pass; the backward pass goes no further down than the lowest place wanted.
  virtual bool Wants(const ModulePlace& place) const = 0;
  virtual void Take(ops::Context& context, const LinearGradient& gradient) = 0;
};

}  // namespace hyprstream::model
