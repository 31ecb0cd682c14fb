// `bench decode` and `bench prefill`: speed of a model, or of a published shape with random
// weights, as a share of what this machine can do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <memory>

#include "base/log.h"
#include "cli/bench_engine.h"
#include "cli/bench_report.h"
#include "cli/document.h"
#include "cli/engine_flags.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/shell.h"
#include "engine/load.h"
#include "model/random_model.h"

namespace hyprstream::cli {
namespace {

struct BenchFlags {
  std::optional<std::string> shape;
  std::optional<std::string> model;
  std::string type = "bf16";
  std::string format = "table";
  bool as_json = false;
  EngineFlags engine;
  BenchPlan plan;
};

std::string ShapeNames() {
  std::string names;
  for (const std::string_view name : model::PublishedShapeNames()) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

DType ParseType(const std::string& text) {
  std::string upper = text;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string known;
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    const bool usable =
        IsQuantized(type) || type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
    if (!usable) continue;
    if (Name(type) == upper) return type;
    known += (known.empty() ? "" : ", ") + std::string(Name(type));
  }
  throw Error(ErrorCode::kUsage, {.message = "unknown type of weights",
                                  .expected = known,
                                  .found = "\"" + text + "\"",
                                  .where = "--type"});
}

struct Subject {
  std::string name;
  std::shared_ptr<const model::Model> model;
  DType type;
};

/// The type that most bytes of the weights have.
DType MainType(const formats::ModelFiles& files) {
  std::map<DType, uint64_t> bytes;
  for (const auto& [name, view] : files.tensors()) bytes[view.dtype] += view.bytes.size();
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? DType::kF32 : most->first;
}

Subject Open(Shell& shell, const BenchFlags& flags, engine::Compute& compute,
             MemoryBudget& budget) {
  ProgressBar bar(shell.terminal);
  if (flags.model) {
    const auto loaded =
        engine::OpenModel(ResolveModel(*flags.model), compute, engine::TokenizerNeed::kNone,
                          {.budget = &budget, .progress = bar.Listener()});
    return {loaded.name, loaded.model, MainType(*loaded.files)};
  }
  const std::string shape = flags.shape.value_or("qwen3-0.6b");
  const auto config = model::PublishedShape(shape);
  if (!config) {
    throw Error(ErrorCode::kUsage, {.message = "unknown shape",
                                    .expected = ShapeNames(),
                                    .found = "\"" + shape + "\"",
                                    .where = "--shape"});
  }
  const DType type = ParseType(flags.type);
  ops::Context context = compute.context();
  return {shape,
          model::MakeRandomModel(*config, type, context,
                                 {.budget = &budget, .progress = bar.Listener()}),
          type};
}

void CheckPlan(const BenchPlan& plan) {
  const auto check = [](const char* flag, int64_t value, int64_t most) {
    if (value >= 1 && value <= most) return;
    throw Error(ErrorCode::kUsage, {.message = "value out of range",
                                    .expected = "1 to " + std::to_string(most),
                                    .found = std::to_string(value),
                                    .where = flag});
  };
  check("--streams", plan.streams, 512);
  check("--prompt-tokens", plan.prompt_tokens, 1 << 20);
  check("--tokens", plan.new_tokens, 1 << 20);
  check("--repeat", plan.repeat, 10000);
}

// Multiplications and additions with weights: every token meets the layers, only `outputs` of them
// the head. Attention is not counted.
double Operations(const model::ModelConfig& config, double tokens, int64_t outputs) {
  const double head = static_cast<double>(config.vocab_size * config.hidden_size);
  const double tables = head * (config.tie_word_embeddings ? 1 : 2);
  const double layers = static_cast<double>(config.active_parameters()) - tables;
  return 2.0 * (layers * tokens + head * static_cast<double>(outputs));
}

int Bench(Shell& shell, const BenchFlags& flags, const std::string& what) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  CheckPlan(flags.plan);
  const engine::EngineOptions options = flags.engine.Resolve(shell.settings);
  BenchResult result;
  kernels::MachineLimits limits;
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  Subject subject;
  {
    ThreadPool pool(options.threads);
    limits = kernels::MeasureLimits(pool, kernels::ChooseIsa());
    result.threads = pool.threads();
  }
  {
    engine::Compute compute(options.threads);
    subject = Open(shell, flags, compute, budget);
  }
  const bool decode = what == "decode";
  const BenchPlan& plan = flags.plan;
  result.what = what;
  result.model = subject.name;
  result.type = subject.type;
  result.streams = decode ? plan.streams : 1;
  result.prompt_tokens = plan.prompt_tokens;
  result.new_tokens = plan.new_tokens;
  result.bytes_per_sample = static_cast<double>(subject.model->bytes_per_token());
  result.tokens_per_sample = static_cast<double>(decode ? plan.streams : plan.prompt_tokens);
  result.operations_per_sample =
      Operations(subject.model->config(), result.tokens_per_sample, decode ? plan.streams : 1);
  result.seconds = decode ? MeasureDecode(subject.model, options, plan, budget)
                          : MeasurePrefill(subject.model, options, plan, budget);
  shell.out.Write(Render(BenchDocument(result, limits), format));
  return 0;
}

void AddBench(CLI::App& bench, Shell& shell, const std::string& name, const std::string& help,
              const BenchPlan& plan) {
  const auto flags = std::make_shared<BenchFlags>();
  flags->plan = plan;
  CLI::App& verb = AddVerb(bench, shell, name, help,
                           "hyprstream bench " + name + " --shape qwen3-0.6b --type q8_0 --json",
                           [&shell, flags, name] { return Bench(shell, *flags, name); });
  CLI::Option* shape = verb.add_option("--shape", flags->shape,
                                       "Random weights of a published shape: " + ShapeNames());
  verb.add_option("--model", flags->model, "Path or name of a model")->excludes(shape);
  verb.add_option("--type", flags->type, "Type of random weights: bf16, f16, f32, q8_0, q4_k, …");
  if (name == "decode") {
    verb.add_option("--streams", flags->plan.streams, "Sequences decoded at once");
    verb.add_option("--tokens", flags->plan.new_tokens, "Tokens generated by each");
  }
  verb.add_option("--prompt-tokens", flags->plan.prompt_tokens, "Length of each prompt");
  verb.add_option("--repeat", flags->plan.repeat, "Runs that count; one more warms up");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  flags->engine.Register(verb);
}

}  // namespace

void AddBenchVerbs(CLI::App& root, Shell& shell) {
  CLI::App& bench = AddVerb(root, shell, "bench", "Measure speed on this machine",
                            "hyprstream bench decode --shape qwen3-0.6b --type q8_0", {});
  bench.require_subcommand(0, 1);
  AddBench(bench, shell, "decode", "Tokens generated one after the other",
           {.streams = 1, .prompt_tokens = 16, .new_tokens = 32, .repeat = 3});
  AddBench(bench, shell, "prefill", "A prompt computed at once",
           {.streams = 1, .prompt_tokens = 512, .new_tokens = 1, .repeat = 3});
  AddBenchTokenizerVerb(bench, shell);
}

}  // namespace hyprstream::cli
