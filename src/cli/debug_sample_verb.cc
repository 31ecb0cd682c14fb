// `debug sample`: many draws from given logits, for statistical tests of the sampler.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <map>
#include <memory>

#include "cli/sampling_flags.h"
#include "cli/shell.h"
#include "engine/sampler.h"
#include "formats/safetensors.h"
#include "tensor/dequantize.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct SampleFlags {
  std::string logits;
  std::string tensor;
  int64_t draws = 1000;
  SamplingFlags sampling;
};

/// The last row of the named tensor, or of the only one there is.
std::vector<float> ReadRow(const SampleFlags& flags) {
  const auto file = formats::SafetensorsFile::Open(flags.logits);
  const formats::NamedTensor* found = flags.tensor.empty() ? nullptr : file->Find(flags.tensor);
  if (flags.tensor.empty()) {
    found = file->Find("logits");
    if (found == nullptr) found = file->Find("logits.0");
    if (found == nullptr && file->tensors().size() == 1) found = &file->tensors().front();
  }
  if (found == nullptr || found->view.elements() == 0) {
    throw Error(ErrorCode::kNotFound,
                {.message = "the file has no such logits",
                 .expected = flags.tensor.empty() ? "\"logits\", \"logits.0\" or a single tensor"
                                                  : "\"" + flags.tensor + "\"",
                 .where = flags.logits});
  }
  const Tensor values = DequantizeToF32(found->view);
  const auto all = values.As<float>();
  const auto row = all.last(static_cast<size_t>(found->view.cols()));
  return {row.begin(), row.end()};
}

int Sample(Shell& shell, const SampleFlags& flags) {
  constexpr int64_t kMaxDraws = 100'000'000;
  if (flags.draws < 1 || flags.draws > kMaxDraws) {
    throw Error(ErrorCode::kUsage, {.message = "value out of range",
                                    .expected = "1 to " + std::to_string(kMaxDraws),
                                    .found = std::to_string(flags.draws),
                                    .where = "--draws"});
  }
  const std::vector<float> logits = ReadRow(flags);
  const auto vocab = static_cast<int64_t>(logits.size());
  engine::SamplingParams params = flags.sampling.ResolvePlain(1).sampling;
  if (!flags.sampling.temperature) params.temperature = 1.0f;
  engine::ValidateSampling(params, vocab);
  // Every draw is the first token of a sequence of its own: the draws are independent.
  const uint64_t seed = params.seed.value_or(0);
  engine::SamplerWorkspace workspace;
  std::map<int32_t, int64_t> counts;
  std::vector<float> row(logits.size());
  for (int64_t draw = 0; draw < flags.draws; ++draw) {
    row = logits;
    engine::Sampler sampler(params, {}, vocab, seed + static_cast<uint64_t>(draw));
    ++counts[sampler.Draw(row, workspace).id];
  }
  json::object by_id;
  for (const auto& [id, count] : counts) by_id[std::to_string(id)] = count;
  shell.out.Line(json::serialize(
      json::object{{"draws", flags.draws}, {"seed", seed}, {"counts", std::move(by_id)}}));
  return 0;
}

}  // namespace

void AddDebugSampleVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<SampleFlags>();
  CLI::App& verb =
      AddVerb(debug, shell, "sample", "Counts of ids drawn from logits",
              "hyprstream debug sample --logits out.safetensors --draws 10000 --seed 1",
              [&shell, flags] { return Sample(shell, *flags); });
  verb.add_option("--logits", flags->logits, "safetensors file")->required()->type_name("FILE");
  verb.add_option("--tensor", flags->tensor, "Its tensor; the last row counts");
  verb.add_option("--draws", flags->draws, "How many ids to draw");
  flags->sampling.Register(verb);
}

}  // namespace hyprstream::cli
