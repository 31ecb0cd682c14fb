// How an adapter is taught unless somebody says otherwise: one place for the numbers that measured
// best, for offline runs and for learning while serving. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "adapters/adapter_spec.h"
#include "training/run.h"

namespace hyprstream::training {

/// What may be asked for; what is left alone follows from the samples and the adapter's kind.
struct RecipeWishes {
  std::optional<double> learning_rate = {};  // peak; else 5e-3 for sparse adapters, 1e-3 for dense
  std::optional<int64_t> epochs = {};        // times each sample is seen; else about 33
  std::optional<int64_t> steps = {};         // instead of epochs
  Decay decay = Decay::kLinear;
  int64_t warmup = 10;                // steps
  std::optional<int64_t> batch = {};  // else 12, and 16 when there is nothing to replay
  int64_t accumulate = 1;             // batches of a step
  double replay_share = 2.0 / 3.0;    // of each batch, when there is something to replay
  double replay_evenness = 0.5;       // as RunOptions has it
  LossOptions loss = {};
  LossOptions replay_loss = {.kind = ops::LossKind::kForwardKl};
  double clip = 1.0;
  double weight_decay = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.999;
  int64_t regrow_every = 0;  // steps; 0: never
  int64_t patience = 0;      // evaluations without a better one before it stops; 0: never
  uint64_t seed = 0;
};

/// New samples of a batch in a burst while serving, besides what is replayed.
inline constexpr int64_t kFreshOfBatch = 8;

struct Recipe {
  TrainerOptions trainer;
  RunOptions run;
};

/// Errors: kInvalidArgument for wishes out of range, by TrainingRun.
Recipe MakeRecipe(const RunData& data, adapters::AdapterKind kind, const RecipeWishes& wishes = {});

}  // namespace hyprstream::training
