// `lora merge`: the base and the adapter as one model.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/lora_exported.h"
#include "cli/lora_verbs.h"

namespace hyprstream::cli {
namespace {

struct Flags : MergeFlags {
  std::string name;
  std::string output;
};

}  // namespace

void AddLoraMergeVerb(CLI::App& lora, Shell& shell) {
  const auto flags = std::make_shared<Flags>();
  CLI::App& verb =
      AddVerb(lora, shell, "merge", "The base and the adapter as one model",
              "hyprstream lora merge village --output village-model", [&shell, flags] {
                WriteMerged(OpenVersion(flags->name), *flags, flags->output, shell.out);
                return 0;
              });
  verb.add_option("NAME", flags->name, "Name, or NAME@VERSION")->required();
  verb.add_option("--output,-o", flags->output, "Where to: a new folder, or a GGUF file")
      ->required();
  verb.add_option("--format", flags->format, "safetensors or gguf (default: as the base is)");
  verb.add_option("--dtype", flags->dtype, kMergeTypeHelp);
}

}  // namespace hyprstream::cli
