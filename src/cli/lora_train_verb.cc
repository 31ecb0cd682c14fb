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
#include "cli/loss_flags.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/training_report.h"
#include "engine/rehearsal.h"
#include "engine/sample_encoder.h"
#include "engine/teach.h"
#include "training/recipe.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

constexpr int64_t kKeptVersions = 20;  // those that are tagged besides

struct TrainFlags {
  std::string name;
  std::string data;
  std::string eval;
  std::string replay = "self";
  std::string csv;
  std::string svg;
  std::string schedule = "linear";
  LossFlags loss;
  std::string replay_loss = "kl";
  std::string format = "table";
  training::RecipeWishes wishes;
  int64_t rehearsal = engine::RehearsalOptions{}.count;
  int64_t checkpoint_every = 25;
  bool restart = false;
  EngineFlags engine;
};

engine::TeachOptions OptionsOf(const TrainFlags& flags, const training::RunData& data,
                               adapters::AdapterKind kind) {
  training::RecipeWishes wishes = flags.wishes;
  wishes.decay = training::ParseDecay(flags.schedule);
  wishes.loss = flags.loss.Options();
  wishes.replay_loss.kind = ParseLossKind(flags.replay_loss, "--replay-loss");
  const training::Recipe recipe = training::MakeRecipe(data, kind, wishes);
  return {.trainer = recipe.trainer, .run = recipe.run, .checkpoint_every = flags.checkpoint_every};
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
      engine::Rehearse(
          loaded, *engine,
          {.count = flags.rehearsal, .seed = flags.wishes.seed, .progress = bar.Listener()}),
      samples);
  return samples;
}

void Train(Shell& shell, const TrainFlags& flags, ops::Context& context,
           engine::Teaching& teaching) {
  const int64_t from = teaching.Prepare(
      context, flags.restart ? engine::Teaching::Begin::kAfresh : engine::Teaching::Begin::kResume);
  if (from > 0) std::fprintf(stderr, "going on from step %lld\n", static_cast<long long>(from));
  const training::TrainingRun& run = teaching.run();
  TrainingLog log(shell, flags.csv, run.options().schedule.steps, run.history());
  while (!teaching.done()) {
    log.Add(teaching.Next(context));
    teaching.SaveIfDue();
  }
  log.Finish();
  teaching.Save();  // what is interrupted from here on ends with the same version
}

enum class Perplexity { kNo, kYes };

json::object EvaluationDocument(const engine::TeachEvaluation& evaluation, Perplexity perplexity) {
  const auto losses = [&](const training::MeanInterval& mean) {
    json::object document{{"loss", mean.mean}, {"interval", mean.half_width}};
    if (perplexity == Perplexity::kYes) document["perplexity"] = std::exp(mean.mean);
    return document;
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
  document["loss"] = flags.loss.loss;
  if (result.heldout) {
    document["heldout"] = EvaluationDocument(
        *result.heldout, flags.loss.loss == "ce" ? Perplexity::kYes : Perplexity::kNo);
  }
  if (result.general) document["general"] = EvaluationDocument(*result.general, Perplexity::kYes);
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
  Train(shell, flags, context, teaching);
  teaching.Evaluate(context);
  const engine::TeachResult result = teaching.Store({.until_forgotten = true});
  const std::vector<training::StepReport>& history = teaching.run().history();
  if (!flags.svg.empty()) WriteLossCurve(flags.svg, history);
  json::object document = ResultDocument(flags, result, teaching);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  document["seconds"] = seconds.count();
  if (format == Format::kTable) shell.out.Write(DrawLossCurve(history));
  shell.out.Write(Render(document, format));
  shell.out.Flush();
  store.Trim(flags.name, kKeptVersions);
  teaching.Forget();
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
  verb.add_option("--replay-weight", flags->wishes.replay_loss.weight,
                  "Of a replayed token beside a new one");
  verb.add_option("--replay-share", flags->wishes.replay_share, "Of each batch");
  verb.add_option("--replay-evenness", flags->wishes.replay_evenness,
                  "0: replayed tokens weigh alike; 1: replayed samples do, however long");
  verb.add_option("--steps", flags->wishes.steps, "Length of the run (default: from --epochs)");
  verb.add_option("--epochs", flags->wishes.epochs,
                  "Times each sample is seen (default: about 33)");
  verb.add_option("--learning-rate,--lr", flags->wishes.learning_rate,
                  "Peak (default 5e-3 for sparse, 1e-3 for lora)");
  verb.add_option("--schedule", flags->schedule, "constant, linear or cosine");
  verb.add_option("--warmup", flags->wishes.warmup, "Steps");
  verb.add_option("--batch-size", flags->wishes.batch,
                  "Samples of a batch (default 12; 16 without --replay)");
  verb.add_option("--accumulate", flags->wishes.accumulate, "Batches of a step");
  flags->loss.Register(verb);
  verb.add_option("--early-stopping", flags->wishes.patience,
                  "Evaluations without a better one before it stops");
  verb.add_option("--regrow", flags->wishes.regrow_every,
                  "Steps between moving the least useful components");
  verb.add_option("--clip", flags->wishes.clip, "Largest norm of the gradient; 0: none");
  verb.add_option("--weight-decay", flags->wishes.weight_decay, "Decoupled");
  verb.add_option("--beta1", flags->wishes.beta1, "Of the gradient's mean (default 0.9)");
  verb.add_option("--beta2", flags->wishes.beta2, "Of its square's mean (default 0.999)");
  verb.add_option("--seed", flags->wishes.seed, "Of the order of samples and the placement");
  verb.add_option("--csv", flags->csv, "Write step,loss,learning_rate,sparsity,tokens_per_second");
  verb.add_option("--svg", flags->svg, "Write the loss curve");
  verb.add_option("--checkpoint-every", flags->checkpoint_every,
                  "Steps between saved states, for going on after an interruption");
  verb.add_flag("--restart", flags->restart, "Forget an interrupted run");
  verb.add_option("--format", flags->format, "table, json or yaml");
  flags->engine.RegisterMachine(verb);
  AddLoraSampleVerb(group, shell);
}

}  // namespace hyprstream::cli
