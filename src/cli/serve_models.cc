#include "cli/serve_models.h"

#include <ctime>

#include "base/error.h"
#include "base/log.h"
#include "cli/cache_settings.h"
#include "cli/data_home.h"
#include "cli/model_package.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/pull_model.h"
#include "cli/sampling_flags.h"

namespace hyprstream::cli {
namespace {

constexpr int32_t kServingTokens = 512;  // of an answer, when nobody says

void AddLearner(server::ServedModel& served, const ServeFlags& flags) {
  engine::LearnerParts parts = engine::PartsOf(served.loaded, *served.engine, DataHome());
  engine::ServingAdapters* const adapters = served.adapters.get();
  parts.promoted = [adapters](const std::string& adapter, int64_t version) {
    LogInfo("promoted adapter=" + adapter + " version=" + std::to_string(version));
    adapters->Promoted(adapter);
  };
  served.learner = std::make_unique<engine::Learner>(
      std::move(parts), engine::LearnerOptions{.min_samples = flags.min_samples});
}

void AddFiles(server::ServedModel& served, const ServeFlags& flags) {
  for (const std::string& text : flags.loras) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw Error(ErrorCode::kUsage, {.message = "an adapter has a name and a path",
                                      .expected = "NAME=PATH",
                                      .found = text,
                                      .where = "--lora"});
    }
    served.adapters->AddFile(text.substr(0, equals), text.substr(equals + 1),
                             engine::ServingAdapters::Adding::kNew);
  }
}

server::ServedModel OpenOne(Shell& shell, const ServeFlags& flags, const std::string& reference,
                            const std::string& name, MemoryBudget& budget) {
  engine::EngineOptions options = flags.engine.Resolve(shell.settings);
  if (flags.train_share) options.train_share = *flags.train_share;
  server::ServedModel served;
  const FoundModel found = FindOrPull(shell, reference);
  {
    ProgressBar bar(shell.terminal);
    engine::Compute compute(options.threads);
    served.loaded = engine::OpenModel(found.path, compute, engine::TokenizerNeed::kRequired,
                                      {.arithmetic = ops::Arithmetic::kServing,
                                       .budget = &budget,
                                       .progress = bar.Listener(),
                                       .repack = RepackSettings(shell.settings)});
  }
  const engine::ModelPackage package = PackageOf(found);
  const engine::PackageParameters wishes = ApplyPackage(package, served.loaded);
  options.context = ContextOf(wishes, served.loaded, options.context);
  served.name = name.empty() ? found.name : name;
  served.loaded.name = found.name;
  served.reference = found.reference;
  served.created = std::time(nullptr);
  served.defaults = SamplingFlags{}.Resolve(shell.settings, served.loaded.defaults, kServingTokens);
  served.num_predict = wishes.max_tokens;
  AddParameters(wishes, SamplingFlags{}, shell.settings, served.defaults);
  served.defaults.adapters = engine::OpenPackageAdapters(package, served.loaded.model->config());
  served.adapters = std::make_unique<engine::ServingAdapters>(
      served.loaded.model, engine::ServingAdapters::Options{.home = DataHome()}, &budget);
  served.engine =
      engine::Engine::Create(served.loaded.model, served.loaded.tokenizer, options, &budget);
  AddLearner(served, flags);
  return served;
}

}  // namespace

std::vector<server::ServedModel> OpenModels(Shell& shell, const ServeFlags& flags,
                                            MemoryBudget& budget) {
  std::vector<server::ServedModel> models;
  for (size_t i = 0; i < flags.models.size(); ++i) {
    const std::string name = i < flags.names.size() ? flags.names[i] : "";
    models.push_back(OpenOne(shell, flags, flags.models[i], name, budget));
    for (size_t j = 0; j < i; ++j) {
      if (models[j].name != models[i].name) continue;
      throw Error(
          ErrorCode::kUsage,
          {.message = "two models have the same name", .found = models[i].name, .where = "--name"});
    }
  }
  AddFiles(models.front(), flags);
  return models;
}

}  // namespace hyprstream::cli
