#include "cli/session.h"

#include "cli/cache_settings.h"
#include "cli/model_package.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/pull_model.h"

namespace hyprstream::cli {

Session::Session(Shell& shell, const std::string& reference, const EngineFlags& flags,
                 const Options& options)
    : budget_(flags.MemoryLimit(shell.settings)) {
  engine::EngineOptions engine_options = flags.Resolve(shell.settings);
  if (options.arithmetic == ops::Arithmetic::kExact) engine_options.cache_dtype = DType::kF32;
  engine_options.profile = options.profiling == Profiling::kOn;
  {
    const FoundModel found = FindOrPull(shell, reference);
    ProgressBar bar(shell.terminal);
    engine::Compute compute(engine_options.threads);
    loaded_ = engine::OpenModel(found.path, compute, options.tokenizer,
                                {.arithmetic = options.arithmetic,
                                 .budget = &budget_,
                                 .progress = bar.Listener(),
                                 .repack = RepackSettings(shell.settings)});
    loaded_.name = found.name;
    package_ = PackageOf(found);
    parameters_ = ApplyPackage(package_, loaded_);
  }
  engine_options.context = ContextOf(parameters_, loaded_, engine_options.context);
  shell.profile.Lap("open model");
  engine_ = engine::Engine::Create(loaded_.model, loaded_.tokenizer, engine_options, &budget_);
  shell.profile.Lap("start engine");
}

}  // namespace hyprstream::cli
