// Giving an adapter its components: where the gradient of the samples asks for them at the
// beginning, and again when some have turned out to be of little use. One thread, with the trainer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "training/trainer.h"

namespace hyprstream::training {

struct GrowOptions {
  int64_t weights = 0;  // new ones, at most
  double fill = 1.0;    // of the weights that the adapter may have, how many it gets in all
  int64_t cap = 0;      // components of one module; 0: DefaultCap
  int64_t passes = 3;   // over the samples; two give the right modules, more sharper vectors
  uint64_t seed = 0;
};

/// What an adapter of this topology still gets: options.fill of what it may have, less `held`.
int64_t RoomToGrow(const adapters::Topology& topology, int64_t held, const GrowOptions& options);

/// Adds components at the largest singular values of the gradient of `batches`: a is the right
/// singular vector, b zero, so the model is unchanged. Returns how many.
int64_t GrowComponents(ops::Context& context, Trainer& trainer, std::span<const MicroBatch> batches,
                       const GrowOptions& options);

/// Drops the `share` of components with the smallest |a| |b| and grows as many weights anew.
/// Returns how many were dropped.
int64_t Regrow(ops::Context& context, Trainer& trainer, std::span<const MicroBatch> batches,
               double share, const GrowOptions& options);

/// All components of a dense adapter: a uniform within ±1/sqrt(in) (Kaiming with a = sqrt(5), as
/// PEFT begins), b zero.
void InitialiseDense(Trainer& trainer, uint64_t seed);

}  // namespace hyprstream::training
