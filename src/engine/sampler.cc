#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "engine/exponential.h"

namespace hyprstream::engine {
namespace {

bool AnyPenalty(const SamplingParams& params) {
  return params.repetition_penalty != 1.0f || params.presence_penalty != 0.0f ||
         params.frequency_penalty != 0.0f;
}

constexpr size_t kEverything = std::numeric_limits<size_t>::max();

size_t WindowOf(const SamplingParams& params) {
  const int32_t last = params.repeat_last_n.value_or(-1);
  return last < 0 ? kEverything : static_cast<size_t>(last);
}

void RequireUsable(const TopSelector& selector) {
  if (selector.usable()) return;
  throw Error(ErrorCode::kDataLoss,
              {.message = "the model's logits cannot be sampled from",
               .expected = "finite numbers",
               .found = "NaN or infinity",
               .hint = "the weights or an adapter are damaged, or values overflowed"});
}

}  // namespace

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> prompt, int64_t usable_ids,
                 uint64_t seed)
    : params_(params),
      usable_ids_(usable_ids),
      seed_(seed),
      random_(seed),
      penalties_(AnyPenalty(params)),
      window_(WindowOf(params)) {
  if (!penalties_) return;
  for (const int32_t id : prompt.last(std::min(prompt.size(), window_))) Repeat(id);
}

Choice Sampler::Draw(std::span<float> row, SamplerWorkspace& workspace, const Mask& mask) {
  TopSelector& selector = workspace.selector;
  const std::span<float> usable = row.first(std::min(row.size(), static_cast<size_t>(usable_ids_)));
  Choice choice;
  double log_sum = 0;
  if (params_.logprobs >= 0) {
    selector.Scan(row);
    RequireUsable(selector);
    log_sum = LogSumExp(row, selector.largest());
  }
  selector.Scan(usable);
  RequireUsable(selector);
  if (params_.logprobs > 0) {
    for (const Candidate& best : selector.Largest(params_.logprobs)) {
      choice.top.push_back(
          {best.id, static_cast<float>(static_cast<double>(best.logit) - log_sum)});
    }
  }
  if (mask) mask(usable);
  workspace.replaced.clear();
  Adjust(usable, workspace.replaced);
  if (mask || !workspace.replaced.empty()) {
    selector.Scan(usable);
    RequireUsable(selector);
  }
  choice.id = Pick(workspace);
  if (params_.logprobs >= 0) {
    // The first record of an id is what the model said.
    const auto original = std::find_if(workspace.replaced.begin(), workspace.replaced.end(),
                                       [&](const Candidate& c) { return c.id == choice.id; });
    const float logit = original != workspace.replaced.end()
                            ? original->logit
                            : usable[static_cast<size_t>(choice.id)];
    choice.logprob = static_cast<float>(static_cast<double>(logit) - log_sum);
  }
  Remember(choice.id);
  return choice;
}

void Sampler::Adjust(std::span<float> row, std::vector<Candidate>& replaced) const {
  const auto change = [&](int32_t id) -> float* {
    if (static_cast<size_t>(id) >= row.size()) return nullptr;
    float& logit = row[static_cast<size_t>(id)];
    replaced.push_back({id, logit});
    return &logit;
  };
  for (const auto& [id, bias] : params_.logit_bias) {
    if (float* logit = change(id)) *logit += bias;
  }
  if (!penalties_) return;
  for (const auto& [id, seen] : history_) {
    if (float* logit = change(id)) Penalize(*logit, seen);
  }
}

// Repetition: Keskar et al. 2019 (CTRL), section 4.1, with negative logits multiplied.
void Sampler::Penalize(float& logit, const Seen& seen) const {
  if (seen.recent > 0) {
    logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
  }
  if (seen.in_answer == 0) return;
  logit -= params_.presence_penalty;
  logit -= params_.frequency_penalty * static_cast<float>(seen.in_answer);
}

int32_t Sampler::Pick(SamplerWorkspace& workspace) const {
  if (params_.temperature == 0.0f) return workspace.selector.Largest(1).front().id;
  workspace.distribution.Build(workspace.selector, params_);
  const int32_t id = workspace.distribution.At(random_.Uniform(drawn_));
  // The weight of −∞ is 1e-304, not zero.
  const bool masked = std::isinf(workspace.selector.row()[static_cast<size_t>(id)]);
  return masked ? workspace.selector.Largest(1).front().id : id;
}

void Sampler::Remember(int32_t id) {
  ++drawn_;
  if (!penalties_) return;
  ++history_[id].in_answer;
  Repeat(id);
}

void Sampler::Repeat(int32_t id) {
  if (window_ == 0) return;
  ++history_[id].recent;
  if (window_ == kEverything) return;
  if (recent_.size() == window_) {
    --history_[recent_.front()].recent;
    recent_.pop_front();
  }
  recent_.push_back(id);
}

}  // namespace hyprstream::engine
