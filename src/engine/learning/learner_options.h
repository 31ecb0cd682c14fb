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
  size_t held_out = 32;      // samples of earlier bursts that versions are judged by
  int64_t evaluations = 4;   // on held-out samples within a burst
  double learnt = 0.01;      // loss of a burst's own samples, where they alone judge it, to end at
  int64_t review = 1000;     // trained samples that are trained on again, the newest ones
  double least_share = 0.6;  // as TeachOptions has it
  int64_t keep_versions = 20;
  int64_t courses = 4;     // bursts in memory at the same time
  int64_t rows = 128;      // tokens of one pass: the shorter, the shorter a slice
  Bytes activations = {};  // that one pass may remember; 0: no limit
  std::chrono::milliseconds save_every{1000};  // of a burst's state; 0: after every step
  std::chrono::milliseconds retry_after{
      5000};  // after a failure that may pass, such as a full disk
  /// A burst is short, and what the base knows weighs more than offline: 9 of 9 first bursts on
  /// willowbrook keep within the gate's 1 % with weight 4, half of them with 2.
  /// Half of a batch replayed is enough for it, and takes two thirds of the time; half of an
  /// adapter's components too: with all of rank 512 first bursts made the general loss 3 to 4 %
  /// worse.
  training::RecipeWishes recipe = {
      .batch = 16,
      .fill = 0.5,
      .replay_share = 0.5,
      .replay_evenness = 0.0,
      .replay_loss = {.kind = ops::LossKind::kForwardKl, .weight = 4.0f},
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
