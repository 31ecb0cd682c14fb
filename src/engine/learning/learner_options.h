// What a learner is told. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "engine/turns.h"
#include "model/model.h"
#include "training/recipe.h"
#include "training/sample.h"

namespace hyprstream::engine {

struct LearnerOptions {
  /// Queued before a burst begins; a correction does not wait for others.
  int64_t min_samples = 10;
  int64_t most_samples = 128;  // of one burst
  int64_t queue_limit = 1000;
  size_t held_out = 32;     // samples of earlier bursts that versions are judged by
  int64_t evaluations = 4;  // on held-out samples within a burst
  /// Where a burst's own samples alone judge it: steps between looks at their loss, the loss that
  /// is learnt enough, and the steps it then cools down for.
  int64_t look_every = 5;
  double learnt = 0.01;
  int64_t cool_down = 15;
  int64_t review = 1000;     // trained samples that are trained on again, the newest ones
  double least_share = 0.3;  // as TeachOptions has it
  int64_t keep_versions = 20;
  int64_t courses = 4;     // bursts in memory at the same time
  int64_t rows = 128;      // tokens of one pass: the shorter, the shorter a slice
  Bytes activations = {};  // that one pass may remember; 0: no limit
  std::chrono::milliseconds save_every{1000};  // of a burst's state; 0: after every step
  std::chrono::milliseconds retry_after{
      5000};  // after a failure that may pass, such as a full disk
  /// A burst is short and has to pass the gate: smaller steps than offline, and what the base knows
  /// weighs more.
  double rate = 0.6;  // of the recipe's learning rate
  training::RecipeWishes recipe = {
      .warmup = 4,
      .batch = 16,
      .replay_share = 0.5,
      .replay_loss = {.kind = ops::LossKind::kForwardKl, .weight = 8.0f},
      .beta2 = 0.99};
};

struct LearnerParts {
  std::shared_ptr<const model::Model> model;
  std::string model_name;
  std::filesystem::path home;  // of the adapters' catalogue
  Turns* turns = nullptr;      // outlives the learner

  /// A journalled sample as it is trained on. Any thread. Errors: kInvalidArgument.
  std::function<std::vector<training::Sample>(std::string_view body)> encode;
  /// What the base must not forget; called once, by the learner's thread without a turn, before the
  /// first burst. `check` throws when the learner is to end. May be null: then nothing is replayed
  /// but earlier samples, and no general set is judged.
  std::function<std::vector<training::Sample>(const std::function<void()>& check)> rehearse = {};
  /// A version has become current and is on disk. The thread that made it so, without a turn.
  std::function<void(const std::string& adapter, int64_t version)> promoted = {};
};

}  // namespace hyprstream::engine
