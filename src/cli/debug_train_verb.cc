// `debug train`: steps of AdamW on an adapter over one batch, to be compared with another
// implementation's.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cmath>
#include <memory>

#include "adapters/export_peft.h"
#include "base/new_folder.h"
#include "cli/debug_loss.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct TrainFlags : DebugLossFlags {
  std::string output;
  int64_t steps = 10;
  double learning_rate = 0;
  std::vector<double> betas = {0.9, 0.999};
  double epsilon = 1e-8;
  double weight_decay = 0.01;
  double clip = 0;
  int64_t accumulate = 1;

  /// Errors: kUsage naming the flag.
  training::TrainerOptions Options() const;
};

void CheckAtLeast(const char* flag, double value, double least) {
  if (value >= least && std::isfinite(value)) return;
  FailFlag(flag, "a number from " + std::to_string(static_cast<int>(least)) + " up",
           std::to_string(value));
}

training::TrainerOptions TrainFlags::Options() const {
  CheckAtLeast("--steps", static_cast<double>(steps), 1);
  CheckAtLeast("--accumulate", static_cast<double>(accumulate), 1);
  CheckAtLeast("--lr", learning_rate, 0);
  CheckAtLeast("--eps", epsilon, 0);
  CheckAtLeast("--weight-decay", weight_decay, 0);
  CheckAtLeast("--clip", clip, 0);
  for (const double beta : betas) {
    if (!(beta >= 0.0 && beta < 1.0)) {
      FailFlag("--betas", "at least 0 and below 1", std::to_string(beta));
    }
  }
  return {.adamw = {.beta1 = betas[0],
                    .beta2 = betas[1],
                    .epsilon = epsilon,
                    .weight_decay = weight_decay},
          .clip = clip};
}

int Train(Shell& shell, const TrainFlags& flags) {
  const training::TrainerOptions options = flags.Options();
  RequireNothingAt(flags.output);
  DebugTrainer debug(shell, flags, options);
  if (flags.accumulate > std::ssize(debug.samples())) {
    FailFlag("--accumulate", "no more than lines, " + std::to_string(debug.samples().size()),
             std::to_string(flags.accumulate));
  }
  const std::vector<training::MicroBatch> batches =
      debug.Batches(static_cast<size_t>(flags.accumulate));
  ops::Context context = debug.context();
  for (int64_t step = 1; step <= flags.steps; ++step) {
    const training::StepResult result = debug.trainer().Step(context, batches, flags.learning_rate);
    shell.out.Line(json::serialize(
        json::object{{"step", step}, {"loss", result.loss}, {"grad_norm", result.gradient_norm}}));
    shell.out.Flush();
  }
  adapters::ExportPeft(debug.trainer().adapter(), debug.place_scales(), flags.output,
                       {.base_model = flags.model});
  return 0;
}

}  // namespace

void AddDebugTrainVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<TrainFlags>();
  CLI::App& verb =
      AddVerb(debug, shell, "train",
              "{\"ids\", \"labels\"} lines, one batch, to an adapter after some steps of AdamW",
              "echo '{\"ids\": [1, 2, 3], \"labels\": [-100, 2, 3]}' | hyprstream debug train "
              "willowbrook --adapter tone --exact --steps 10 --lr 1e-2 -o tone-trained",
              [&shell, flags] { return Train(shell, *flags); });
  flags->RegisterLoss(verb);
  verb.add_option("--steps", flags->steps, "Updates (default 10)");
  verb.add_option("--lr,--learning-rate", flags->learning_rate, "Of every step")->required();
  verb.add_option("--betas", flags->betas, "Of the moments (default 0.9,0.999)")
      ->expected(2)
      ->delimiter(',')
      ->type_name("B1,B2");
  verb.add_option("--eps", flags->epsilon, "Added to the root (default 1e-8)");
  verb.add_option("--weight-decay", flags->weight_decay, "Decoupled (default 0.01)");
  verb.add_option("--clip", flags->clip, "Largest norm of all gradients together; 0: none");
  verb.add_option("--accumulate", flags->accumulate,
                  "Micro-batches that the lines are split into; the step is the same");
  verb.add_option("--output,-o", flags->output, "Folder to write")->required()->type_name("DIR");
}

}  // namespace hyprstream::cli
