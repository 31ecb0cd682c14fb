// `lora eval NAME --data F`: the loss of samples with and without an adapter.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cmath>
#include <memory>

#include "cli/cache_settings.h"
#include "cli/document.h"
#include "cli/engine_flags.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "engine/load.h"
#include "engine/sample_encoder.h"
#include "training/run.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct EvalFlags {
  std::string name;
  std::string data;
  std::string format = "table";
  EngineFlags engine;
};

json::object Losses(const training::MeanInterval& mean) {
  return {{"loss", mean.mean},
          {"perplexity", std::exp(mean.mean)},
          {"interval", {mean.mean - mean.half_width, mean.mean + mean.half_width}}};
}

int Eval(Shell& shell, const EvalFlags& flags) {
  const Format format = ParseFormat(flags.format);
  const AdapterReference reference = ParseAdapterReference(flags.name);
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record = store.Get(reference.name);
  const auto version = store.Find(record.name, reference.version);
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  engine::Compute compute(flags.engine.Threads(shell.settings));
  ProgressBar bar(shell.terminal);
  const engine::LoadedModel loaded = engine::OpenModel(
      ResolveModel(record.base_model), compute, engine::TokenizerNeed::kRequired,
      {.budget = &budget, .progress = bar.Listener(), .repack = RepackSettings(shell.settings)});
  const model::ModelConfig& config = loaded.model->config();
  const std::vector<training::Sample> samples = engine::SampleEncoder(loaded).ReadFile(flags.data);
  std::vector<const training::Sample*> pointers;
  for (const training::Sample& sample : samples) pointers.push_back(&sample);

  training::Trainer trainer(loaded.model,
                            version ? adapters::TrainableAdapter::Load(version->file, config)
                                    : adapters::TrainableAdapter(adapters::Topology(
                                          config, adapters::ParseSpec(record.spec, record.name))),
                            {});
  ops::Context context = compute.context();
  using Use = training::Trainer::Use;
  const auto with = trainer.Losses(context, pointers, {}, Use::kWithAdapter);
  const auto without = trainer.Losses(context, pointers, {}, Use::kBaseOnly);
  const std::vector<double> targets = training::TargetCounts(samples);
  std::vector<double> change;
  for (size_t i = 0; i < with.size(); ++i) change.push_back(with[i] - without[i]);
  const training::MeanInterval mean = training::MeanOf(change, targets);
  bar.Clear();
  const json::object document{
      {"adapter", record.name},
      {"version", version ? version->version : 0},
      {"with_adapter", Losses(training::MeanOf(with, targets))},
      {"without_adapter", Losses(training::MeanOf(without, targets))},
      {"change", mean.mean},
      {"n", samples.size()},
      {"interval", {mean.mean - mean.half_width, mean.mean + mean.half_width}}};
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddLoraEvalVerb(CLI::App& lora, Shell& shell) {
  const auto flags = std::make_shared<EvalFlags>();
  CLI::App& verb =
      AddVerb(lora, shell, "eval", "Loss and perplexity of samples with and without an adapter",
              "hyprstream lora eval village --data held-out.jsonl --format json",
              [&shell, flags] { return Eval(shell, *flags); });
  verb.add_option("NAME", flags->name, "Name, or NAME@VERSION")->required();
  verb.add_option("--data", flags->data, "JSON Lines: messages, or input and output")->required();
  verb.add_option("--format", flags->format, "table, json or yaml");
  flags->engine.RegisterMachine(verb);
}

}  // namespace hyprstream::cli
