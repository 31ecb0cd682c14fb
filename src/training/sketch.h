// The largest singular values of every module's weight gradient, and their right vectors, without
// holding one gradient: a randomised range finder (Halko, Martinsson & Tropp 2011, algorithm 4.4)
// whose two products are those of a low-rank adapter's gradient. With orthonormal rows a (of the
// input's space) and b (of the output's), dB of such an adapter is the product of the gradient G
// with a, dA that of its transpose with b; each pass over the samples makes both.
// Memory: 2 · columns · (in + out) floats a module. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "adapters/topology.h"
#include "model/gradient_sink.h"
#include "tensor/tensor.h"
#include "training/small_svd.h"

namespace hyprstream::training {

class GradientSketch final : public model::GradientSink {
 public:
  /// `columns`: how many singular values are wanted, with a few to spare. `pause` is called between
  /// two modules while bases are drawn, orthonormalised and read, and may throw (ops::Context).
  GradientSketch(const adapters::Topology& topology, int64_t columns, uint64_t seed,
                 std::function<void()> pause = {});

  bool Wants(const model::ModulePlace& place) const override;
  void Take(ops::Context& context, const model::LinearGradient& gradient) override;

  /// Ends a pass over the samples: what it found becomes the basis of the next one.
  void NextPass();

  /// After at least two passes, the last one ended by this instead of NextPass. By place; modules
  /// that no row reached have values of zero.
  std::vector<RightSingular> Finish() const;

 private:
  struct Place {
    Tensor a, b;              // the bases: [columns, in], [columns, out]
    Tensor found_a, found_b;  // Σ over the pass, same shapes
  };

  void Pause() const {
    if (pause_) pause_();
  }

  const adapters::Topology& topology_;
  const std::function<void()> pause_;
  std::vector<Place> places_;
};

}  // namespace hyprstream::training
