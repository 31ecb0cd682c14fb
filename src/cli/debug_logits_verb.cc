// `debug logits`: logits of given tokens, through the same cache and batching as serving.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "cli/json_lines.h"
#include "cli/model_reference.h"
#include "cli/model_run_flags.h"
#include "cli/progress_bar.h"
#include "engine/evaluate.h"
#include "engine/request_check.h"
#include "formats/safetensors.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct LogitsFlags : ModelRunFlags {
  std::string output;
  std::optional<std::string> cache;
  int64_t step = 0;
  int64_t last = 0;
};

/// The sequences that can be computed, and for every line either its sequence or its error.
struct Sequences {
  std::vector<std::vector<int32_t>> ids;
  std::vector<size_t> of_line;
  std::vector<std::optional<Error>> errors;
};

Sequences ReadSequences(int64_t vocab_size) {
  Sequences sequences;
  for (const InputLine& line : ReadLines()) {
    sequences.of_line.push_back(sequences.ids.size());
    sequences.errors.emplace_back(line.error);
    if (line.error) continue;
    try {
      std::vector<int32_t> ids = IdsOf(ParseLine(line.text));
      if (ids.empty()) {
        throw Error(ErrorCode::kInvalidArgument, {.message = "there are no token ids"});
      }
      engine::CheckTokens(ids, vocab_size);
      sequences.ids.push_back(std::move(ids));
    } catch (const Error& error) {
      sequences.errors.back() = error.Within("line " + std::to_string(sequences.of_line.size()));
    }
  }
  return sequences;
}

/// Names count the input's lines, also those that failed.
void WriteResults(const std::string& path, const Sequences& sequences,
                  const std::vector<engine::Evaluation>& results) {
  std::vector<Tensor> sums;
  std::vector<formats::NamedTensor> tensors;
  sums.reserve(results.size());
  for (size_t line = 0; line < sequences.of_line.size(); ++line) {
    if (sequences.errors[line]) continue;
    const engine::Evaluation& result = results[sequences.of_line[line]];
    sums.emplace_back(DType::kF32, Shape{1});
    sums.back().As<float>()[0] = static_cast<float>(result.logprob_sum);
    tensors.push_back({"logits." + std::to_string(line), result.logits.view()});
    tensors.push_back({"logprob." + std::to_string(line), sums.back().view()});
  }
  formats::WriteSafetensors(path, tensors);
}

int Logits(Shell& shell, const LogitsFlags& flags) {
  if (flags.step < 0 || flags.last < 0) {
    throw Error(ErrorCode::kUsage, {.message = "--step and --last cannot be negative"});
  }
  engine::EvaluateOptions options;
  options.step = flags.step;
  options.last = flags.last;
  options.cache_dtype =
      flags.cache ? ParseCacheType(*flags.cache) : (flags.exact ? DType::kF32 : DType::kBF16);
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  options.budget = &budget;
  engine::Compute compute(flags.engine.Threads(shell.settings));
  ProgressBar bar(shell.terminal);
  const engine::LoadedModel loaded = engine::OpenModel(
      ResolveModel(flags.model), compute, engine::TokenizerNeed::kNone,
      {.arithmetic = flags.arithmetic(), .budget = &budget, .progress = bar.Listener()});
  options.adapters = OpenAdapters(flags.adapters, loaded.model->config());
  const Sequences sequences = ReadSequences(loaded.model->config().vocab_size);
  ops::Context context = compute.context();
  std::vector<engine::Evaluation> results;
  if (!sequences.ids.empty()) {
    results = engine::EvaluateSequences(context, *loaded.model, sequences.ids, options);
  }
  WriteResults(flags.output, sequences, results);
  int status = 0;
  for (size_t line = 0; line < sequences.of_line.size(); ++line) {
    if (sequences.errors[line]) {
      PrintLineError(shell, *sequences.errors[line]);
      status = 1;
      continue;
    }
    const engine::Evaluation& result = results[sequences.of_line[line]];
    shell.out.Line(
        json::serialize(json::object{{"tokens", sequences.ids[sequences.of_line[line]].size()},
                                     {"logits", "logits." + std::to_string(line)},
                                     {"logprob", result.logprob_sum}}));
  }
  return status;
}

}  // namespace

void AddDebugLogitsVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<LogitsFlags>();
  CLI::App& verb =
      AddVerb(debug, shell, "logits", "{\"ids\"} lines to a safetensors file of logits",
              "echo '{\"ids\": [1, 2, 3]}' | hyprstream debug logits willowbrook --exact -o "
              "out.safetensors",
              [&shell, flags] { return Logits(shell, *flags); });
  flags->RegisterModel(verb);
  RegisterAdapters(verb, flags->adapters);
  verb.add_option("--output,-o", flags->output, "File to write")->required()->type_name("FILE");
  verb.add_option("--step", flags->step, "Feed N tokens at a time; 0: all at once");
  verb.add_option("--cache", flags->cache, "Type of cached keys and values: f32 or bf16");
  verb.add_option("--last", flags->last, "Only the last N positions; 0: all");
}

}  // namespace hyprstream::cli
