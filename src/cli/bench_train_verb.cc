// `bench train`: the speed of training steps of a sparse adapter as a share of what this machine
// can compute. The limit is peak ÷ 4 · parameters: forward and the way back of the activations'
// gradients, 2 operations a weight each; the base's own gradient is never made.
#include <sys/resource.h>

#include <boost/json.hpp>
#include <chrono>
#include <memory>

#include "base/random.h"
#include "cli/bench_adapters.h"
#include "cli/bench_report.h"
#include "cli/bench_subject.h"
#include "cli/document.h"
#include "cli/engine_flags.h"
#include "training/trainer.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct TrainBenchFlags {
  SubjectFlags subject;
  int64_t samples = 2;
  int64_t tokens = 256;   // of each sample
  int64_t targets = 256;  // the last so many of each
  int64_t repeat = 5;
  std::string format = "table";
  bool as_json = false;
  EngineFlags engine;
};

std::vector<training::Sample> Samples(const TrainBenchFlags& flags, int64_t vocab) {
  const CounterRandom random(1);
  uint64_t next = 0;
  std::vector<training::Sample> samples(static_cast<size_t>(flags.samples));
  for (training::Sample& sample : samples) {
    for (int64_t t = 0; t < flags.tokens; ++t) {
      const auto id = static_cast<int32_t>(random.Uniform(next++) * static_cast<double>(vocab));
      sample.ids.push_back(id);
      sample.labels.push_back(t < flags.tokens - flags.targets ? training::kIgnoredLabel : id);
    }
  }
  return samples;
}

std::vector<double> Measure(const TrainBenchFlags& flags, ops::Context& context,
                            const BenchSubject& subject,
                            const std::vector<training::Sample>& samples) {
  training::Trainer trainer(subject.model, RandomAdapter(*subject.model, 0), {});
  std::vector<const training::Sample*> pointers;
  for (const training::Sample& sample : samples) pointers.push_back(&sample);
  const std::vector<training::MicroBatch> batches =
      training::PackSamples(pointers, {}, flags.samples * flags.tokens);
  std::vector<double> seconds;
  for (int64_t run = -1; run < flags.repeat; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    trainer.Step(context, batches, 1e-3);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (run >= 0) seconds.push_back(took.count());
  }
  return seconds;
}

int BenchTrain(Shell& shell, const TrainBenchFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  CheckBenchValue("--samples", flags.samples, 512);
  CheckBenchValue("--tokens", flags.tokens, 1 << 16);
  CheckBenchValue("--targets", flags.targets, flags.tokens);
  CheckBenchValue("--repeat", flags.repeat, 10000);
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  engine::Compute compute(flags.engine.Threads(shell.settings));
  ops::Context context = compute.context();
  const kernels::MachineLimits limits = kernels::MeasureLimits(context.pool, kernels::ChooseIsa());
  const BenchSubject subject = OpenSubject(shell, flags.subject, compute, budget);
  const std::vector<training::Sample> samples = Samples(flags, subject.model->config().vocab_size);
  int64_t targets = 0;
  for (const training::Sample& sample : samples) targets += training::CountTargets(sample);
  const auto tokens = static_cast<double>(flags.samples * flags.tokens);

  BenchResult result;
  result.what = "train";
  result.model = subject.name;
  result.type = subject.type;
  result.arithmetic = DType::kBF16;
  result.threads = context.pool.threads();
  result.streams = flags.samples;
  result.prompt_tokens = flags.tokens;
  result.new_tokens = targets;
  result.tokens_per_sample = tokens;
  result.bytes_per_sample = 2.0 * static_cast<double>(subject.model->bytes_per_token());
  result.operations_per_sample =
      2.0 * ForwardOperations(subject.model->config(), tokens, static_cast<double>(targets));
  result.seconds = Measure(flags, context, subject, samples);
  json::object document = BenchDocument(result, limits).as_object();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  document["peak_resident_bytes"] = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddBenchTrainVerb(CLI::App& bench, Shell& shell) {
  const auto flags = std::make_shared<TrainBenchFlags>();
  CLI::App& verb = AddVerb(bench, shell, "train", "Steps of training a sparse adapter",
                           "hyprstream bench train --shape qwen3-0.6b --type bf16 --json",
                           [&shell, flags] { return BenchTrain(shell, *flags); });
  flags->subject.Register(verb);
  verb.add_option("--samples", flags->samples, "Samples of a step");
  verb.add_option("--tokens", flags->tokens, "Length of each sample");
  verb.add_option("--targets", flags->targets, "Tokens at its end that are learnt");
  verb.add_option("--repeat", flags->repeat, "Steps that count; one more warms up");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  flags->engine.RegisterMachine(verb);
}

}  // namespace hyprstream::cli
