#include "cli/bench_subject.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "cli/cache_settings.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "model/random_model.h"

namespace hyprstream::cli {
namespace {

std::string ShapeNames() {
  std::string names;
  for (const std::string_view name : model::PublishedShapeNames()) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

DType ParseType(const std::string& text) {
  std::string upper = text;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string known;
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    const bool usable =
        IsQuantized(type) || type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
    if (!usable) continue;
    if (Name(type) == upper) return type;
    known += (known.empty() ? "" : ", ") + std::string(Name(type));
  }
  throw Error(ErrorCode::kUsage, {.message = "unknown type of weights",
                                  .expected = known,
                                  .found = "\"" + text + "\"",
                                  .where = "--type"});
}

/// The type that most bytes of the weights have.
DType MainType(const formats::ModelFiles& files) {
  std::map<DType, uint64_t> bytes;
  for (const auto& [name, view] : files.tensors()) bytes[view.dtype] += view.bytes.size();
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? DType::kF32 : most->first;
}

}  // namespace

void SubjectFlags::Register(CLI::App& verb) {
  CLI::Option* option =
      verb.add_option("--shape", shape, "Random weights of a published shape: " + ShapeNames());
  verb.add_option("--model", model, "Path or name of a model")->excludes(option);
  verb.add_option("--type", type, "Type of random weights: bf16, f16, f32, q8_0, q4_k, …");
}

BenchSubject OpenSubject(Shell& shell, const SubjectFlags& flags, engine::Compute& compute,
                         MemoryBudget& budget, engine::TokenizerNeed need) {
  ProgressBar bar(shell.terminal);
  if (flags.model) {
    const auto loaded = engine::OpenModel(
        ResolveModel(*flags.model), compute, need,
        {.budget = &budget, .progress = bar.Listener(), .repack = RepackSettings(shell.settings)});
    return {loaded.name, loaded.model, MainType(*loaded.files), loaded};
  }
  const std::string shape = flags.shape.value_or("qwen3-0.6b");
  const auto config = model::PublishedShape(shape);
  if (!config) {
    throw Error(ErrorCode::kUsage, {.message = "unknown shape",
                                    .expected = ShapeNames(),
                                    .found = "\"" + shape + "\"",
                                    .where = "--shape"});
  }
  const DType type = ParseType(flags.type);
  ops::Context context = compute.context();
  engine::LoadedModel loaded;
  loaded.name = shape;
  loaded.model = model::MakeRandomModel(*config, type, context,
                                        {.budget = &budget, .progress = bar.Listener()});
  return {shape, loaded.model, type, loaded};
}

void CheckBenchValue(const char* flag, int64_t value, int64_t most, int64_t least) {
  if (value >= least && value <= most) return;
  throw Error(ErrorCode::kUsage, {.message = "value out of range",
                                  .expected = std::to_string(least) + " to " + std::to_string(most),
                                  .found = std::to_string(value),
                                  .where = flag});
}

double ForwardOperations(const model::ModelConfig& config, double tokens, double outputs) {
  const double head = static_cast<double>(config.vocab_size * config.hidden_size);
  const double tables = head * (config.tie_word_embeddings ? 1 : 2);
  const double layers = static_cast<double>(config.active_parameters()) - tables;
  return 2.0 * (layers * tokens + head * outputs);
}

}  // namespace hyprstream::cli
