#include "cli/debug_loss.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>

#include "cli/data_home.h"
#include "cli/json_lines.h"
#include "cli/model_reference.h"
#include "engine/open_trainable.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

/// Tokens computed in one pass, unless one sequence alone has more.
constexpr int64_t kPassTokens = 1024;

std::vector<training::Sample> ReadSamples(const model::ModelConfig& config) {
  std::vector<training::Sample> samples;
  int64_t number = 0;
  for (const InputLine& line : ReadLines()) {
    ++number;
    try {
      if (line.error) throw *line.error;
      const json::object object = ParseLine(line.text);
      samples.push_back({.ids = IdsOf(object), .labels = IdsOf(object, "labels")});
      training::CheckSample(samples.back(), config.vocab_size, config.context_length());
    } catch (const Error& error) {
      throw line.error ? error : error.Within("line " + std::to_string(number));
    }
  }
  if (samples.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "there is nothing to learn from",
                 .expected = "lines of {\"ids\": [...], \"labels\": [...]} on standard input"});
  }
  return samples;
}

engine::TrainableChoice Open(const std::string& reference, const model::Model& model) {
  // A catalogue is only made by those who store something in it.
  std::optional<adapters::AdapterStore> store;
  if (std::filesystem::exists(DataHome() / "catalog.db")) store.emplace(DataHome());
  return engine::OpenTrainable(reference, model, store ? &*store : nullptr);
}

}  // namespace

void DebugLossFlags::RegisterLoss(CLI::App& verb) {
  RegisterModel(verb);
  verb.add_option("--adapter", adapter,
                  "PEFT folder, adapter file, or NAME or NAME@VERSION of a stored adapter")
      ->required()
      ->type_name("NAME|PATH");
  loss.Register(verb);
}

DebugTrainer::DebugTrainer(Shell& shell, const DebugLossFlags& flags,
                           training::TrainerOptions options)
    : loss_(flags.loss.Options()),
      budget_(flags.engine.MemoryLimit(shell.settings)),
      compute_(flags.engine.Threads(shell.settings)) {
  const engine::LoadedModel loaded =
      engine::OpenModel(ResolveModel(flags.model), compute_, engine::TokenizerNeed::kNone,
                        {.arithmetic = flags.arithmetic(), .budget = &budget_});
  engine::TrainableChoice choice = Open(flags.adapter, *loaded.model);
  samples_ = ReadSamples(loaded.model->config());
  options.activations = budget_.limit().value == 0 ? Bytes{} : budget_.available();
  options.place_scales = std::move(choice.place_scales);
  trainer_.emplace(loaded.model, std::move(choice.adapter), options);
}

std::vector<training::MicroBatch> DebugTrainer::Batches(size_t parts) const {
  std::vector<training::MicroBatch> batches;
  for (size_t part = 0; part < parts; ++part) {
    std::vector<const training::Sample*> samples;
    const size_t end = (part + 1) * samples_.size() / parts;
    for (size_t i = part * samples_.size() / parts; i < end; ++i) samples.push_back(&samples_[i]);
    std::vector<training::MicroBatch> more = training::PackSamples(samples, loss_, kPassTokens);
    std::move(more.begin(), more.end(), std::back_inserter(batches));
  }
  return batches;
}

}  // namespace hyprstream::cli
