// `lora train sample NAME`: puts samples into the queue of an adapter, where training while serving
// takes them from.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "adapters/journal.h"
#include "base/error.h"
#include "cli/data_home.h"
#include "cli/document.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "engine/sample_file.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct SampleFlags {
  std::string name;
  std::string input_file;
  std::optional<std::string> input;
  std::optional<std::string> output;
  std::optional<double> weight;
  std::string format = "table";
};

void CheckSources(const SampleFlags& flags) {
  const bool pair = flags.input && flags.output;
  const bool part = flags.input || flags.output;
  if (flags.input_file.empty() ? pair : !part) return;
  throw Error(ErrorCode::kUsage, {.message = "say what to learn in one way",
                                  .expected = "--input-file, or --input and --output"});
}

std::vector<adapters::NewSample> SamplesOf(const SampleFlags& flags,
                                           const engine::SampleEncoder& encoder) {
  if (!flags.input_file.empty()) return engine::ReadSampleFile(flags.input_file, encoder);
  const std::string body =
      json::serialize(json::object{{"input", *flags.input}, {"output", *flags.output}});
  (void)encoder.Encode(body);  // refuses what the model cannot learn
  return {{.body = body}};
}

int Sample(Shell& shell, const SampleFlags& flags) {
  const Format format = ParseFormat(flags.format);
  CheckSources(flags);
  const adapters::AdapterRecord record = OpenStore().Get(flags.name);
  const engine::SampleEncoder encoder =
      engine::SampleEncoder::OfFiles(ResolveModel(record.base_model));
  std::vector<adapters::NewSample> samples = SamplesOf(flags, encoder);
  for (adapters::NewSample& sample : samples) sample.weight = flags.weight;
  adapters::SampleJournal journal(DataHome());
  const std::vector<int64_t> ids = journal.Add(record.name, samples);
  const int64_t waiting = journal.Count(record.name).queued;
  if (format == Format::kTable) {
    shell.out.Line("queued " + std::to_string(ids.size()) + " for " + record.name + "; " +
                   std::to_string(waiting) + " wait");
    return 0;
  }
  shell.out.Write(Render(json::object{{"adapter", record.name},
                                      {"queued", ids.size()},
                                      {"queue_length", waiting},
                                      {"ids", json::array(ids.begin(), ids.end())}},
                         format));
  return 0;
}

}  // namespace

void AddLoraSampleVerb(CLI::App& train, Shell& shell) {
  const auto flags = std::make_shared<SampleFlags>();
  CLI::App& verb =
      AddVerb(train, shell, "sample", "Queue samples for an adapter that learns while it serves",
              "hyprstream lora train sample village --input-file facts.jsonl",
              [&shell, flags] { return Sample(shell, *flags); });
  verb.add_option("NAME", flags->name, "The adapter")->required();
  verb.add_option("--input-file", flags->input_file,
                  "JSON Lines: messages, or input and output; all are queued, or none")
      ->type_name("FILE");
  verb.add_option("--input", flags->input, "What is asked, of one sample");
  verb.add_option("--output", flags->output, "What is to be answered");
  verb.add_option("--weight", flags->weight, "Of each of them, instead of their own");
  verb.add_option("--format", flags->format, "table, json or yaml");
}

}  // namespace hyprstream::cli
