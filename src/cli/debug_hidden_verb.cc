// `debug hidden`: activations between the layers.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/json_lines.h"
#include "cli/model_reference.h"
#include "cli/model_run_flags.h"
#include "engine/hidden.h"
#include "formats/safetensors.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct HiddenFlags : ModelRunFlags {
  std::string output;
};

int Hidden(Shell& shell, const HiddenFlags& flags) {
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  engine::Compute compute(flags.engine.Threads(shell.settings));
  const engine::LoadedModel loaded =
      engine::OpenModel(ResolveModel(flags.model), compute, engine::TokenizerNeed::kNone,
                        {.arithmetic = flags.arithmetic(), .budget = &budget});
  const std::vector<InputLine> lines = ReadLines();
  ops::Context context = compute.context();
  std::vector<std::vector<engine::HiddenState>> states(lines.size());
  int status = 0;
  for (size_t line = 0; line < lines.size(); ++line) {
    try {
      if (lines[line].error) throw *lines[line].error;
      const std::vector<int32_t> ids = IdsOf(ParseLine(lines[line].text));
      states[line] = engine::HiddenStates(context, *loaded.model, ids, &budget);
      shell.out.Line(
          json::serialize(json::object{{"tokens", ids.size()}, {"tensors", states[line].size()}}));
    } catch (const Error& error) {
      PrintLineError(shell, error.Within("line " + std::to_string(line + 1)));
      status = 1;
    }
  }
  // One line has the bare names; of several, line K's begin with "K.".
  std::vector<formats::NamedTensor> tensors;
  for (size_t line = 0; line < states.size(); ++line) {
    const std::string prefix = states.size() == 1 ? "" : std::to_string(line) + ".";
    for (const engine::HiddenState& state : states[line]) {
      tensors.push_back({prefix + state.name, state.values.view()});
    }
  }
  formats::WriteSafetensors(flags.output, tensors);
  return status;
}

}  // namespace

void AddDebugHiddenVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<HiddenFlags>();
  CLI::App& verb =
      AddVerb(debug, shell, "hidden", "{\"ids\"} lines to a safetensors file of activations",
              "echo '{\"ids\": [1, 2, 3]}' | hyprstream debug hidden willowbrook --exact -o "
              "out.safetensors",
              [&shell, flags] { return Hidden(shell, *flags); });
  flags->RegisterModel(verb);
  verb.add_option("--output,-o", flags->output, "File to write")->required()->type_name("FILE");
}

}  // namespace hyprstream::cli
