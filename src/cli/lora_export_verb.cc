// `lora export`: an adapter for other programs, alone or merged into its base.
#include <CLI/CLI.hpp>
#include <memory>

#include "adapters/export_gguf.h"
#include "adapters/export_peft.h"
#include "cli/lora_exported.h"
#include "cli/lora_verbs.h"
#include "cli/modelfile.h"

namespace hyprstream::cli {
namespace {

struct ExportFlags {
  std::string name;
  std::string output;
  std::string format = "safetensors";
  bool include_base = false;
  std::string dtype = "f32";
};

void CheckFormat(const std::string& format) {
  if (format == "safetensors" || format == "gguf" || format == "pytorch" || format == "ollama") {
    return;
  }
  throw Error(ErrorCode::kUsage, {.message = "unknown format of adapters",
                                  .expected = "safetensors, gguf, pytorch or ollama",
                                  .found = format,
                                  .where = "--format"});
}

int Export(Shell& shell, const ExportFlags& flags) {
  CheckFormat(flags.format);
  const OpenedVersion version = OpenVersion(flags.name);
  if (flags.include_base) {
    WriteMerged(version, {.format = flags.format, .dtype = flags.dtype}, flags.output, shell.out);
    return 0;
  }
  const adapters::ExportOptions options{.base_model = version.base_model};
  if (flags.format == "gguf") {
    ExportGguf(*version.adapter, version.config, flags.output, options);
  } else if (flags.format == "ollama") {
    ExportOllama(version, flags.output);
  } else if (flags.format == "pytorch") {
    ExportPytorch(*version.adapter, flags.output, options);
  } else {
    ExportPeft(*version.adapter, flags.output, options);
  }
  shell.out.Line("exported " + version.name + " to " + flags.output);
  return 0;
}

}  // namespace

void AddLoraExportVerb(CLI::App& lora, Shell& shell) {
  const auto flags = std::make_shared<ExportFlags>();
  CLI::App& verb = AddVerb(lora, shell, "export", "Write an adapter for other programs",
                           "hyprstream lora export village --output village-peft",
                           [&shell, flags] { return Export(shell, *flags); });
  verb.add_option("NAME", flags->name, "Name, or NAME@VERSION")->required();
  verb.add_option("--output,-o", flags->output, "Where to: a new folder (safetensors) or file")
      ->required();
  verb.add_option("--format", flags->format,
                  "safetensors (a PEFT folder), gguf (as llama.cpp's), pytorch (a state dict) or "
                  "ollama (a folder for ollama create)");
  verb.add_flag("--include-base", flags->include_base,
                "The whole model with the adapter merged in: a folder, or with gguf a file");
  verb.add_option("--dtype", flags->dtype, kMergeTypeHelp);
}

}  // namespace hyprstream::cli
