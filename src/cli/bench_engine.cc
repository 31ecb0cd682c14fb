#include "cli/bench_engine.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

namespace hyprstream::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Adapters = std::vector<std::shared_ptr<const engine::LoadedAdapter>>;

std::unique_ptr<engine::Engine> MakeEngine(const std::shared_ptr<const model::Model>& model,
                                           engine::EngineOptions options, const BenchPlan& plan,
                                           MemoryBudget& budget) {
  options.prefix_cache = false;
  options.draft_tokens = 0;  // random weights repeat themselves
  options.context = plan.prompt_tokens + plan.new_tokens + 1;
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

/// Waits for the end; when each token came.
std::vector<Clock::time_point> Drain(engine::Generation& generation, engine::Usage& usage) {
  std::vector<Clock::time_point> times;
  while (auto event = generation.Next()) {
    if (std::holds_alternative<engine::TokenEvent>(*event)) {
      times.push_back(Clock::now());
      continue;
    }
    const auto& finished = std::get<engine::Finished>(*event);
    if (finished.error) throw *finished.error;
    usage = finished.usage;
  }
  return times;
}

// One run of all streams at once; appends the seconds of the steps in which all took part.
void DecodeOnce(engine::Engine& engine, const model::Model& model, const BenchPlan& plan,
                const Adapters& adapters, std::mt19937& random, std::vector<double>& steps) {
  std::vector<std::unique_ptr<engine::Generation>> streams;
  for (int64_t i = 0; i < plan.streams; ++i) {
    engine::GenerationRequest request = Request(model, plan, random);
    if (!adapters.empty()) {
      request.adapters = {{.adapter = adapters[static_cast<size_t>(i) % adapters.size()]}};
    }
    streams.push_back(engine.Submit(std::move(request)));
  }
  // The last stream to start sees only steps in which all of them decode, until the others end:
  // its last steps are left out.
  engine::Usage usage;
  const std::vector<Clock::time_point> times = Drain(*streams.back(), usage);
  for (size_t i = 0; i + 1 < streams.size(); ++i) Drain(*streams[i], usage);
  const auto early = static_cast<size_t>(plan.streams > 1 ? plan.new_tokens / 8 : 0);
  for (size_t i = 1; i + early < times.size(); ++i) {
    steps.push_back(std::chrono::duration<double>(times[i] - times[i - 1]).count());
  }
}

}  // namespace

DecodeSteps MeasureDecode(const std::shared_ptr<const model::Model>& model,
                          const engine::EngineOptions& options, const BenchPlan& plan,
                          MemoryBudget& budget, const std::function<double()>& read_limit) {
  const auto engine = MakeEngine(model, options, plan, budget);
  std::mt19937 random(1);
  std::vector<double> warm_up;
  DecodeOnce(*engine, *model, plan, {}, random, warm_up);
  DecodeSteps steps;
  double before = read_limit();
  for (int64_t run = 0; run < plan.repeat; ++run) {
    DecodeOnce(*engine, *model, plan, {}, random, steps.seconds);
    const double after = read_limit();
    steps.read_bytes_per_second.resize(steps.seconds.size(), (before + after) / 2);
    before = after;
  }
  return steps;
}

PairedSeconds MeasureDecodePair(const std::shared_ptr<const model::Model>& model,
                                const engine::EngineOptions& options, const BenchPlan& plan,
                                const Adapters& adapters, MemoryBudget& budget) {
  const auto engine = MakeEngine(model, options, plan, budget);
  std::mt19937 random(1);
  // A run's mean: on small models single steps are shorter than a thread's wake-up.
  const auto mean = [&](const Adapters& acting) {
    std::vector<double> steps;
    DecodeOnce(*engine, *model, plan, acting, random, steps);
    return std::accumulate(steps.begin(), steps.end(), 0.0) / static_cast<double>(steps.size());
  };
  mean(adapters);  // warms up
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
    engine::Usage usage;
    Drain(*generation, usage);
    if (run >= 0) times.push_back(std::chrono::duration<double>(usage.prefill).count());
  }
  return times;
}

}  // namespace hyprstream::cli
