#include "training/recipe.h"

#include <algorithm>
#include <cmath>

namespace hyprstream::training {
namespace {

// Small batches beside what is replayed: at the same price twice the steps, and more is kept.
constexpr int64_t kBatch = 12;
constexpr int64_t kLeastSteps = 60;
constexpr int64_t kMostSamples = 24'000;  // of all steps together, with those replayed

int64_t StepsOf(const RecipeWishes& wishes, int64_t samples, int64_t batch, int64_t new_each_step) {
  if (wishes.steps) return *wishes.steps;
  const auto rounds = [&](int64_t epochs) {
    return (epochs * samples + new_each_step - 1) / new_each_step;
  };
  if (wishes.epochs) return rounds(*wishes.epochs);
  // What measured best on facts: each sample some 33 times.
  return std::clamp(rounds(33), kLeastSteps, std::max(kLeastSteps, kMostSamples / batch));
}

}  // namespace

Recipe MakeRecipe(const RunData& data, adapters::AdapterKind kind, const RecipeWishes& wishes) {
  Recipe recipe;
  recipe.trainer.clip = wishes.clip;
  recipe.trainer.adamw = {
      .beta1 = wishes.beta1, .beta2 = wishes.beta2, .weight_decay = wishes.weight_decay};
  RunOptions& run = recipe.run;
  const bool replays = !data.replay.empty() || !data.review.empty();
  run.batch = wishes.accumulate * wishes.batch.value_or(replays ? kBatch : 2 * kFreshOfBatch);
  run.replay_share = replays ? wishes.replay_share : 0.0;
  run.replay_evenness = wishes.replay_evenness;
  run.loss = wishes.loss;
  run.replay_loss = wishes.replay_loss;
  run.seed = wishes.seed;
  run.grow.seed = wishes.seed;
  run.regrow_every = wishes.regrow_every;
  const int64_t fresh = run.batch - std::llround(static_cast<double>(run.batch) * run.replay_share);
  run.schedule.steps =
      StepsOf(wishes, std::ssize(data.train), run.batch, std::max<int64_t>(1, fresh));
  run.schedule.peak =
      wishes.learning_rate.value_or(kind == adapters::AdapterKind::kSparse ? 5e-3 : 1e-3);
  run.schedule.decay = wishes.decay;
  run.schedule.warmup = std::min(wishes.warmup, run.schedule.steps);
  if (!data.eval.empty()) {
    run.eval_every = std::max<int64_t>(1, run.schedule.steps / 20);
    run.patience = wishes.patience;
  }
  return recipe;
}

}  // namespace hyprstream::training
