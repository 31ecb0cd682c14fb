// AdamW on the components of an adapter, in its grid: moments exist for active tiles only and live
// beside their values. One thread owns it together with the adapter.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "adapters/trainable_adapter.h"
#include "training/adamw.h"

namespace hyprstream::training {

/// Of one place, as ops::LowRankGradient makes them: a [k, in], b [k, out].
struct PlaceGradient {
  ConstMatrix a;
  ConstMatrix b;
};

class SparseAdamW {
 public:
  explicit SparseAdamW(const AdamWOptions& options) : options_(options) {}

  /// gradients[p] belongs to places()[p]; a place whose matrices have no memory has no gradient
  /// (decay and moments go on as with zeros). Each is multiplied by `scale` first.
  void Step(adapters::TrainableAdapter& adapter, const std::vector<PlaceGradient>& gradients,
            float scale, double learning_rate);

  /// A component that was added after the beginning: its first moment counts from now, its second
  /// begins at the mean of all the others', so that its first steps are of the usual size.
  void Grown(adapters::TrainableAdapter& adapter, size_t place, int64_t component);
  void Removed(size_t place, int64_t component) { born_.erase({place, component}); }

  const AdamWOptions& options() const { return options_; }

  /// What a checkpoint keeps besides the grid: steps so far, and for components that were grown the
  /// step before their first.
  int64_t steps() const { return steps_; }
  const std::map<std::pair<size_t, int64_t>, int64_t>& born() const { return born_; }
  void Restore(int64_t steps, std::map<std::pair<size_t, int64_t>, int64_t> born);

 private:
  AdamWOptions options_;
  int64_t steps_ = 0;
  std::map<std::pair<size_t, int64_t>, int64_t> born_;  // (place, component)
};

/// The Euclidean norm of all gradients together, summed in double in the order of places.
double GradientNorm(const std::vector<PlaceGradient>& gradients);

}  // namespace hyprstream::training
