// `lora train run NAME --data F.jsonl`: teaches an adapter offline and stores the version.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/memory_budget.h"
#include "cli/cache_settings.h"
#include "cli/document.h"
#include "cli/engine_flags.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/training_report.h"
#include "engine/rehearsal.h"
#include "engine/sample_encoder.h"
#include "engine/teach.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct TrainFlags {
  std::string name;
  std::string data;
  std::string eval;
  std::string replay = "self";
  std::string csv;
  std::string svg;
  std::string schedule = "linear";
  std::string loss = "ce";
  std::string replay_loss = "kl";
  std::string format = "table";
  std::optional<double> learning_rate;
  std::optional<int64_t> epochs;
  std::optional<int64_t> steps;
  int64_t warmup = 10;
  int64_t batch_size = 16;
  int64_t accumulate = 1;
  int64_t early_stopping = 0;
  int64_t rehearsal = 128;
  int64_t regrow = 0;
  double clip = 1.0;
  double weight_decay = 0.01;
  double replay_share = 0.5;
  float label_smoothing = 0.0f;
  uint64_t seed = 0;
  bool restart = false;
  EngineFlags engine;
};

ops::LossKind ParseLoss(const std::string& name) {
  if (name == "ce") return ops::LossKind::kCrossEntropy;
  if (name == "kl") return ops::LossKind::kForwardKl;
  if (name == "mse") return ops::LossKind::kMeanSquare;
  throw Error(
      ErrorCode::kUsage,
      {.message = "unknown loss", .expected = "ce, kl or mse", .found = name, .where = "--loss"});
}

int64_t StepsOf(const TrainFlags& flags, int64_t samples, int64_t new_each_step) {
  if (flags.steps) return *flags.steps;
  const auto rounds = [&](int64_t epochs) {
    return (epochs * samples + new_each_step - 1) / new_each_step;
  };
  if (flags.epochs) return rounds(*flags.epochs);
  // What measured best on facts: each sample some 25 times, but no fewer than 60 steps.
  return std::clamp<int64_t>(rounds(25), 60, 1000);
}

engine::TeachOptions OptionsOf(const TrainFlags& flags, const training::RunData& data,
                               adapters::AdapterKind kind) {
  engine::TeachOptions options;
  options.trainer.clip = flags.clip;
  options.trainer.adamw = {.beta2 = 0.99, .weight_decay = flags.weight_decay};
  training::RunOptions& run = options.run;
  run.batch = flags.batch_size * flags.accumulate;
  run.replay_share = data.replay.empty() ? 0.0 : flags.replay_share;
  run.loss = {.kind = ParseLoss(flags.loss), .label_smoothing = flags.label_smoothing};
  run.replay_loss = {.kind = ParseLoss(flags.replay_loss)};
  run.seed = flags.seed;
  run.grow.seed = flags.seed;
  run.regrow_every = flags.regrow;
  const int64_t fresh = run.batch - std::llround(static_cast<double>(run.batch) * run.replay_share);
  run.schedule.steps = StepsOf(flags, std::ssize(data.train), fresh);
  run.schedule.peak =
      flags.learning_rate.value_or(kind == adapters::AdapterKind::kSparse ? 5e-3 : 1e-3);
  run.schedule.decay = training::ParseDecay(flags.schedule);
  run.schedule.warmup = std::min(flags.warmup, run.schedule.steps);
  if (!data.eval.empty()) {
    run.eval_every = std::max<int64_t>(1, run.schedule.steps / 20);
    run.patience = flags.early_stopping;
  }
  return options;
}

struct Samples {
  training::RunData data;
  std::vector<training::Sample> general;
};

// Every eighth sample of what must be kept is only looked at.
void SplitReplay(std::vector<training::Sample> all, Samples& samples) {
  for (size_t i = 0; i < all.size(); ++i) {
    (i % 8 == 7 ? samples.general : samples.data.replay).push_back(std::move(all[i]));
  }
}

Samples ReadSamples(Shell& shell, const TrainFlags& flags, const engine::LoadedModel& loaded,
                    MemoryBudget& budget) {
  const engine::SampleEncoder encoder(loaded);
  Samples samples;
  samples.data.train = encoder.ReadFile(flags.data);
  if (!flags.eval.empty()) samples.data.eval = encoder.ReadFile(flags.eval);
  if (flags.replay == "none") return samples;
  if (flags.replay != "self") {
    SplitReplay(encoder.ReadFile(flags.replay), samples);
    return samples;
  }
  ProgressBar bar(shell.terminal);
  const auto engine = engine::Engine::Create(loaded.model, loaded.tokenizer,
                                             flags.engine.Resolve(shell.settings), &budget);
  SplitReplay(
      engine::Rehearse(loaded, *engine,
                       {.count = flags.rehearsal, .seed = flags.seed, .progress = bar.Listener()}),
      samples);
  return samples;
}

std::vector<TrainingPoint> Train(Shell& shell, const TrainFlags& flags, ops::Context& context,
                                 engine::Teaching& teaching) {
  const int64_t from = teaching.Prepare(
      context, flags.restart ? engine::Teaching::Begin::kAfresh : engine::Teaching::Begin::kResume);
  if (from > 0) std::fprintf(stderr, "going on from step %lld\n", static_cast<long long>(from));
  TrainingLog log(shell, flags.csv, teaching.run().options().schedule.steps, from);
  while (!teaching.done()) log.Add(teaching.Next(context));
  log.Finish();
  return log.points();
}

json::object EvaluationDocument(const engine::TeachEvaluation& evaluation) {
  const auto losses = [](const training::MeanInterval& mean) {
    return json::object{
        {"loss", mean.mean}, {"interval", mean.half_width}, {"perplexity", std::exp(mean.mean)}};
  };
  return {{"with_adapter", losses(evaluation.with_adapter)},
          {"before", losses(evaluation.before)},
          {"without_adapter", losses(evaluation.without_adapter)},
          {"n", evaluation.samples}};
}

json::object ResultDocument(const TrainFlags& flags, const engine::TeachResult& result,
                            const engine::Teaching& teaching) {
  json::object document = VersionDocument(result.version);
  document["adapter"] = flags.name;
  document["verdict"] = result.verdict;
  document["learning_rate"] = teaching.run().options().schedule.peak;
  document["replayed"] = teaching.run().data().replay.size();
  document["stopped_early"] = teaching.run().stopped_early();
  document["components"] = result.statistics.components;
  document["parameters_active"] = result.statistics.parameters_active;
  document["sparsity"] = result.statistics.sparsity();
  document["file_bytes"] = result.file_size.value;
  if (result.heldout) document["heldout"] = EvaluationDocument(*result.heldout);
  if (result.general) document["general"] = EvaluationDocument(*result.general);
  return document;
}

int TrainRun(Shell& shell, const TrainFlags& flags) {
  const Format format = ParseFormat(flags.format);
  const auto begin = std::chrono::steady_clock::now();
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record = store.Get(flags.name);
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  engine::Compute compute(flags.engine.Threads(shell.settings));
  engine::LoadedModel loaded;
  {
    ProgressBar bar(shell.terminal);
    loaded = engine::OpenModel(
        ResolveModel(record.base_model), compute, engine::TokenizerNeed::kRequired,
        {.budget = &budget, .progress = bar.Listener(), .repack = RepackSettings(shell.settings)});
  }
  Samples samples = ReadSamples(shell, flags, loaded, budget);
  const engine::TeachOptions options =
      OptionsOf(flags, samples.data, adapters::ParseAdapterKind(record.kind));
  ops::Context context = compute.context();
  engine::Teaching teaching(loaded, store, flags.name, std::move(samples.data),
                            std::move(samples.general), options);
  const std::vector<TrainingPoint> points = Train(shell, flags, context, teaching);
  const engine::TeachResult result = teaching.Finish(context);
  if (!flags.svg.empty()) WriteLossCurve(flags.svg, points);
  json::object document = ResultDocument(flags, result, teaching);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  document["seconds"] = seconds.count();
  if (format == Format::kTable) shell.out.Write(DrawLossCurve(points));
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddLoraTrainVerbs(CLI::App& lora, Shell& shell) {
  CLI::App& group = AddVerb(lora, shell, "train", "Train adapters",
                            "hyprstream lora train run village --data facts.jsonl", {});
  group.require_subcommand(0, 1);
  const auto flags = std::make_shared<TrainFlags>();
  CLI::App& verb = AddVerb(group, shell, "run", "Teach an adapter from a file and store a version",
                           "hyprstream lora train run village --data facts.jsonl --eval more.jsonl",
                           [&shell, flags] { return TrainRun(shell, *flags); });
  verb.add_option("NAME", flags->name, "The adapter")->required();
  verb.add_option("--data", flags->data, "JSON Lines: messages, or input and output")->required();
  verb.add_option("--eval", flags->eval, "Held-out samples; they decide about promotion");
  verb.add_option("--replay", flags->replay,
                  "What must not be forgotten: self (the model's own answers), none, or a file");
  verb.add_option("--replay-loss", flags->replay_loss,
                  "kl: stay near the base; ce: go on learning the samples themselves");
  verb.add_option("--rehearsal", flags->rehearsal, "Samples of --replay self");
  verb.add_option("--replay-share", flags->replay_share, "Of each batch");
  verb.add_option("--steps", flags->steps, "Length of the run (default: from --epochs)");
  verb.add_option("--epochs", flags->epochs, "Times each sample is seen (default: about 25)");
  verb.add_option("--learning-rate,--lr", flags->learning_rate,
                  "Peak (default 5e-3 for sparse, 1e-3 for lora)");
  verb.add_option("--schedule", flags->schedule, "constant, linear or cosine");
  verb.add_option("--warmup", flags->warmup, "Steps");
  verb.add_option("--batch-size", flags->batch_size, "Samples of a batch");
  verb.add_option("--accumulate", flags->accumulate, "Batches of a step");
  verb.add_option("--loss", flags->loss, "ce, kl or mse");
  verb.add_option("--label-smoothing", flags->label_smoothing, "0 to 1");
  verb.add_option("--early-stopping", flags->early_stopping,
                  "Evaluations without a better one before it stops");
  verb.add_option("--regrow", flags->regrow, "Steps between moving the least useful components");
  verb.add_option("--clip", flags->clip, "Largest norm of the gradient; 0: none");
  verb.add_option("--weight-decay", flags->weight_decay, "Decoupled");
  verb.add_option("--seed", flags->seed, "Of the order of samples and the placement");
  verb.add_option("--csv", flags->csv, "Write step,loss,learning_rate,sparsity,tokens_per_second");
  verb.add_option("--svg", flags->svg, "Write the loss curve");
  verb.add_flag("--restart", flags->restart, "Forget an interrupted run");
  verb.add_option("--format", flags->format, "table, json or yaml");
  flags->engine.RegisterMachine(verb);
}

}  // namespace hyprstream::cli
