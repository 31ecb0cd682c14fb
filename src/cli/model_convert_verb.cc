// `model convert SRC DST`: a model in another format, another type, or other shards.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/document.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/shell.h"
#include "convert/convert_model.h"
#include "convert/recipe.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

struct ConvertFlags {
  std::string source;
  std::string output;
  std::string type;
  std::string format;
  std::string shard_size;
  std::string show = "table";
  bool as_json = false;
  bool force = false;
  int threads = 0;
};

/// A block type needs GGUF; else the output's name decides.
bool WritesGguf(const ConvertFlags& flags, std::optional<DType> target) {
  if (flags.format == "gguf") return true;
  if (flags.format == "safetensors") return false;
  if (!flags.format.empty()) {
    throw Error(ErrorCode::kUsage, {.message = "a model cannot be written in this format",
                                    .expected = "gguf or safetensors",
                                    .found = flags.format,
                                    .where = "--to"});
  }
  return fs::path(flags.output).extension() == ".gguf" || (target && IsQuantized(*target));
}

int Convert(Shell& shell, const ConvertFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.show);
  convert::ConvertOptions options;
  if (!flags.type.empty()) options.target = convert::ParseTargetType(flags.type);
  if (!flags.shard_size.empty()) options.shard_limit = ParseBytes(flags.shard_size);
  if (flags.force) options.existing = NewFolder::Existing::kReplace;
  const bool gguf = WritesGguf(flags, options.target);
  const auto source = formats::ModelFiles::Open(ResolveModel(flags.source));
  ThreadPool pool(flags.threads);
  convert::Converted converted;
  {
    ProgressBar bar(shell.terminal);
    options.progress = bar.Listener();
    const auto write = gguf ? convert::ConvertToGguf : convert::ConvertToSafetensors;
    converted = write(*source, flags.output, pool, options);
  }
  json::object types;
  for (const auto& [type, count] : converted.tensors) types[Name(type)] = count;
  json::object document{{"output", flags.output},
                        {"format", gguf ? "gguf" : "safetensors"},
                        {"files", converted.files},
                        {"bytes", converted.bytes.value},
                        {"source_bytes", source->tensor_bytes()},
                        {"tensors", std::move(types)}};
  if (format == Format::kTable) {
    document["bytes"] = FormatBytes(converted.bytes);
    document["source_bytes"] = FormatBytes({source->tensor_bytes()});
  }
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddModelConvertVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<ConvertFlags>();
  CLI::App& verb = AddVerb(model, shell, "convert", "Write a model in another format or type",
                           "hyprstream model convert willowbrook willowbrook.gguf --quantize q4_k",
                           [&shell, flags] { return Convert(shell, *flags); });
  verb.add_option("SRC", flags->source, "Path or name of a model")->required();
  verb.add_option("DST", flags->output, "Where to: a GGUF file, or a new folder for safetensors")
      ->required();
  verb.add_option(
      "--quantize", flags->type,
      "q8_0, q4_0, q5_0, q4_k, q5_k, q6_k (GGUF), f16, bf16 or f32 (default: as it is)");
  verb.add_option("--to", flags->format,
                  "gguf or safetensors (default: gguf when DST ends in .gguf or for q types)");
  verb.add_option("--shard-size", flags->shard_size, "Most bytes of one file, such as 5G");
  verb.add_flag("--force", flags->force, "Replace what DST names");
  verb.add_option("--format", flags->show, "How to tell what was written: table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  verb.add_option("--threads", flags->threads, "Threads to compute with; 0: all processors");
}

}  // namespace hyprstream::cli
