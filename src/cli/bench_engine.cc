#include "cli/bench_engine.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

namespace hyprstream::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Adapters = std::vector<std::shared_ptr<const engine::LoadedAdapter>>;

constexpr int64_t kLeastLead = 64;  // tokens: what a small model makes while this thread is late
constexpr int kTries = 10;

std::unique_ptr<engine::Engine> MakeEngine(const std::shared_ptr<const model::Model>& model,
                                           engine::EngineOptions options, const BenchPlan& plan,
                                           MemoryBudget& budget) {
  options.prefix_cache = false;
  options.draft_tokens = 0;  // random weights repeat themselves
  options.context = plan.prompt_tokens + plan.new_tokens + plan.lead_tokens + 1;
  options.max_sequences = static_cast<int32_t>(plan.streams);
  options.max_batch_rows = std::max(options.max_batch_rows, options.max_sequences);
  return engine::Engine::Create(model, nullptr, options, &budget);
}

engine::GenerationRequest Request(const model::Model& model, const BenchPlan& plan,
                                  std::mt19937& random) {
  std::uniform_int_distribution<int32_t> any(0,
                                             static_cast<int32_t>(model.config().vocab_size - 1));
  engine::GenerationRequest request;
  request.prompt.resize(static_cast<size_t>(plan.prompt_tokens));
  for (int32_t& id : request.prompt) id = any(random);
  request.max_tokens = static_cast<int32_t>(plan.new_tokens);
  request.sampling.temperature = 0;
  request.ignore_eos = true;
  return request;
}

/// Waits for the end: when each token came.
std::vector<Clock::time_point> Drain(engine::Generation& generation, engine::Finished& finished) {
  std::vector<Clock::time_point> times;
  while (auto event = generation.Next()) {
    if (std::holds_alternative<engine::TokenEvent>(*event)) {
      times.push_back(Clock::now());
      continue;
    }
    finished = std::get<engine::Finished>(std::move(*event));
    if (finished.error) throw *finished.error;
  }
  return times;
}

/// One run of all streams at once: the seconds of the last one's steps. The others start before it
/// and have more tokens to make, so that all take part in each of its steps; nothing where they
/// had too few.
std::vector<double> DecodeOnce(engine::Engine& engine, const model::Model& model,
                               const BenchPlan& plan, const Adapters& adapters,
                               std::mt19937& random) {
  std::vector<std::unique_ptr<engine::Generation>> streams;
  for (int64_t i = 0; i < plan.streams; ++i) {
    engine::GenerationRequest request = Request(model, plan, random);
    if (i + 1 < plan.streams) request.max_tokens += static_cast<int32_t>(plan.lead_tokens);
    if (!adapters.empty()) {
      request.adapters = {{.adapter = adapters[static_cast<size_t>(i) % adapters.size()]}};
    }
    streams.push_back(engine.Submit(std::move(request)));
  }
  engine::Finished finished;
  const std::vector<Clock::time_point> times = Drain(*streams.back(), finished);
  streams.pop_back();
  for (const auto& stream : streams) stream->Cancel();
  bool all_took_part = true;
  for (const auto& stream : streams) {
    Drain(*stream, finished);
    all_took_part &= finished.reason == engine::FinishReason::kCancelled;
  }
  if (!all_took_part) return {};
  std::vector<double> steps;
  for (size_t i = 1; i < times.size(); ++i) {
    steps.push_back(std::chrono::duration<double>(times[i] - times[i - 1]).count());
  }
  return steps;
}

[[noreturn]] void ThrowNotTogether(const BenchPlan& plan) {
  throw Error(ErrorCode::kResourceExhausted,
              {.message = "the streams do not decode at the same time",
               .expected = std::to_string(plan.streams) + " streams in the cache at once",
               .hint = "ask for fewer --streams, or give more memory with --memory-limit"});
}

/// An engine in which the streams of `plan` have decoded together; sets plan.lead_tokens.
std::unique_ptr<engine::Engine> WarmEngine(const std::shared_ptr<const model::Model>& model,
                                           const engine::EngineOptions& options, BenchPlan& plan,
                                           const Adapters& adapters, MemoryBudget& budget,
                                           std::mt19937& random) {
  // A step takes at least a token of a prompt.
  const int64_t most = kLeastLead + 2 * (plan.streams * plan.prompt_tokens + plan.new_tokens);
  plan.lead_tokens = plan.streams > 1 ? kLeastLead : 0;
  for (; plan.lead_tokens <= most; plan.lead_tokens *= 2) {
    auto engine = MakeEngine(model, options, plan, budget);
    if (!DecodeOnce(*engine, *model, plan, adapters, random).empty()) return engine;
  }
  ThrowNotTogether(plan);
}

/// As DecodeOnce, once more where the machine kept this program waiting for so long that streams
/// ended.
std::vector<double> DecodeTogether(engine::Engine& engine, const model::Model& model,
                                   const BenchPlan& plan, const Adapters& adapters,
                                   std::mt19937& random) {
  for (int tries = 0; tries < kTries; ++tries) {
    std::vector<double> steps = DecodeOnce(engine, model, plan, adapters, random);
    if (!steps.empty()) return steps;
  }
  ThrowNotTogether(plan);
}

}  // namespace

DecodeSteps MeasureDecode(const std::shared_ptr<const model::Model>& model,
                          const engine::EngineOptions& options, BenchPlan plan,
                          MemoryBudget& budget, const std::function<double()>& read_limit) {
  std::mt19937 random(1);
  const auto engine = WarmEngine(model, options, plan, {}, budget, random);
  DecodeSteps steps;
  double before = read_limit();
  for (int64_t run = 0; run < plan.repeat; ++run) {
    const std::vector<double> seconds = DecodeTogether(*engine, *model, plan, {}, random);
    steps.seconds.insert(steps.seconds.end(), seconds.begin(), seconds.end());
    const double after = read_limit();
    steps.read_bytes_per_second.resize(steps.seconds.size(), (before + after) / 2);
    before = after;
  }
  return steps;
}

PairedSeconds MeasureDecodePair(const std::shared_ptr<const model::Model>& model,
                                const engine::EngineOptions& options, BenchPlan plan,
                                const Adapters& adapters, MemoryBudget& budget) {
  std::mt19937 random(1);
  const auto engine = WarmEngine(model, options, plan, adapters, budget, random);
  // A run's mean: on small models single steps are shorter than a thread's wake-up.
  const auto mean = [&](const Adapters& acting) {
    const std::vector<double> steps = DecodeTogether(*engine, *model, plan, acting, random);
    return std::accumulate(steps.begin(), steps.end(), 0.0) / static_cast<double>(steps.size());
  };
  PairedSeconds pair;
  for (int64_t run = 0; run < plan.repeat; ++run) {
    pair.without.push_back(mean({}));
    pair.with.push_back(mean(adapters));
  }
  return pair;
}

std::vector<double> MeasurePrefill(const std::shared_ptr<const model::Model>& model,
                                   const engine::EngineOptions& options, const BenchPlan& plan,
                                   MemoryBudget& budget) {
  const auto engine = MakeEngine(model, options, plan, budget);
  std::mt19937 random(1);
  std::vector<double> times;
  for (int64_t run = -1; run < plan.repeat; ++run) {
    const auto generation = engine->Submit(Request(*model, plan, random));
    engine::Finished finished;
    Drain(*generation, finished);
    if (run >= 0) times.push_back(std::chrono::duration<double>(finished.usage.prefill).count());
  }
  return times;
}

}  // namespace hyprstream::cli
