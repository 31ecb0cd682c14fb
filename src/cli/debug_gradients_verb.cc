// `debug gradients`: a loss over a batch of sequences and the gradient of every adapter tensor.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "adapters/open_adapter.h"
#include "cli/json_lines.h"
#include "cli/model_reference.h"
#include "cli/model_run_flags.h"
#include "formats/safetensors.h"
#include "model/low_rank_sink.h"
#include "training/loss_pass.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

/// Tokens computed in one pass, unless one sequence alone has more.
constexpr int64_t kPassTokens = 1024;

struct GradientsFlags : ModelRunFlags {
  std::string adapter;
  std::string output;
  std::string loss = "ce";
  float label_smoothing = 0.0f;
  float temperature = 1.0f;

  /// Errors: kUsage naming the flag.
  training::LossOptions Loss() const;
};

[[noreturn]] void FailFlag(const std::string& flag, const std::string& expected,
                           const std::string& found) {
  throw Error(
      ErrorCode::kUsage,
      {.message = "wrong value of a flag", .expected = expected, .found = found, .where = flag});
}

training::LossOptions GradientsFlags::Loss() const {
  training::LossOptions options{.label_smoothing = label_smoothing, .temperature = temperature};
  if (loss == "kl") {
    options.kind = ops::LossKind::kForwardKl;
  } else if (loss == "mse") {
    options.kind = ops::LossKind::kMeanSquare;
  } else if (loss != "ce") {
    FailFlag("--loss", "ce, kl or mse", "\"" + loss + "\"");
  }
  if (!(label_smoothing >= 0.0f && label_smoothing < 1.0f)) {
    FailFlag("--label-smoothing", "at least 0 and below 1", std::to_string(label_smoothing));
  }
  if (!(temperature > 0.0f && temperature < 1e6f)) {
    FailFlag("--temperature", "a positive number", std::to_string(temperature));
  }
  return options;
}

std::vector<training::Sample> ReadSamples(const model::ModelConfig& config) {
  std::vector<training::Sample> samples;
  int64_t number = 0;
  for (const InputLine& line : ReadLines()) {
    ++number;
    try {
      if (line.error) throw *line.error;
      const json::object object = ParseLine(line.text);
      samples.push_back({.ids = IdsOf(object), .labels = IdsOf(object, "labels")});
      training::CheckSample(samples.back(), config.vocab_size, config.max_position_embeddings);
    } catch (const Error& error) {
      throw error.Within("line " + std::to_string(number));
    }
  }
  if (samples.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "there is nothing to learn from",
                 .expected = "lines of {\"ids\": [...], \"labels\": [...]} on standard input"});
  }
  return samples;
}

/// The gradients of lora_A [rank, in] and lora_B [out, rank] as PEFT names and lays them out. An
/// adapter's view holds B as columns and already scaled.
class NamedGradients {
 public:
  NamedGradients(const adapters::DenseAdapter& adapter, const model::LowRankSink& sink) {
    for (const adapters::DenseAdapter::Module& module : adapter.modules()) {
      const auto found =
          sink.gradients().find({module.place.layer, module.place.module, module.place.expert});
      Tensor a(DType::kF32, {module.rank, module.place.shape.in});
      Tensor b(DType::kF32, {module.place.shape.out, module.rank});
      if (found != sink.gradients().end()) {  // else no token came to this expert
        std::ranges::copy(found->second.a.As<float>(), a.As<float>().begin());
        const std::span<const float> columns = found->second.b.As<float>();
        const std::span<float> values = b.As<float>();
        for (int64_t out = 0; out < module.place.shape.out; ++out) {
          for (int64_t r = 0; r < module.rank; ++r) {
            values[static_cast<size_t>(out * module.rank + r)] = static_cast<float>(
                columns[static_cast<size_t>(r * module.place.shape.out + out)] * module.scale);
          }
        }
      }
      Add("base_model.model." + module.path + ".lora_A.weight", std::move(a));
      Add("base_model.model." + module.path + ".lora_B.weight", std::move(b));
    }
  }

  void Add(std::string name, Tensor tensor) {
    names_.push_back(std::move(name));
    tensors_.push_back(std::move(tensor));
  }
  size_t size() const { return tensors_.size(); }
  void Write(const std::string& path) const {
    std::vector<formats::NamedTensor> named;
    for (size_t i = 0; i < names_.size(); ++i) named.push_back({names_[i], tensors_[i].view()});
    formats::WriteSafetensors(path, named);
  }

 private:
  std::vector<std::string> names_;
  std::vector<Tensor> tensors_;
};

int Gradients(Shell& shell, const GradientsFlags& flags) {
  const training::LossOptions options = flags.Loss();
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  engine::Compute compute(flags.engine.Threads(shell.settings));
  const engine::LoadedModel loaded =
      engine::OpenModel(ResolveModel(flags.model), compute, engine::TokenizerNeed::kNone,
                        {.arithmetic = flags.arithmetic(), .budget = &budget});
  const auto adapter = adapters::OpenAdapter(flags.adapter, loaded.model->config());
  const std::vector<training::Sample> samples = ReadSamples(loaded.model->config());
  std::vector<const training::Sample*> pointers;
  int64_t targets = 0;
  for (const training::Sample& sample : samples) {
    pointers.push_back(&sample);
    targets += training::CountTargets(sample);
  }
  const Bytes activations = budget.limit().value == 0 ? Bytes{} : budget.available();
  training::LossPass pass(loaded.model, {.activations = activations});
  model::LowRankSink sink(adapter->views());
  ops::Context context = compute.context();
  const std::vector<training::MicroBatch> batches =
      training::PackSamples(pointers, options, kPassTokens);
  const double total = training::TotalWeight(batches);
  double loss = 0;
  for (const training::MicroBatch& batch : batches) {
    loss += pass.Gradients(context, batch, total, {.views = &adapter->views()}, sink);
  }
  NamedGradients gradients(*adapter, sink);
  const size_t tensors = gradients.size();
  Tensor value(DType::kF32, {1});
  value.As<float>()[0] = static_cast<float>(loss);
  gradients.Add("loss", std::move(value));
  gradients.Write(flags.output);
  shell.out.Line(
      json::serialize(json::object{{"loss", loss}, {"targets", targets}, {"tensors", tensors}}));
  return 0;
}

}  // namespace

void AddDebugGradientsVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<GradientsFlags>();
  CLI::App& verb =
      AddVerb(debug, shell, "gradients",
              "{\"ids\", \"labels\"} lines to a safetensors file of an adapter's gradients",
              "echo '{\"ids\": [1, 2, 3], \"labels\": [-100, 2, 3]}' | hyprstream debug gradients "
              "willowbrook --adapter tone --exact -o out.safetensors",
              [&shell, flags] { return Gradients(shell, *flags); });
  flags->RegisterModel(verb);
  verb.add_option("--adapter", flags->adapter, "Adapter folder or file")
      ->required()
      ->type_name("PATH");
  verb.add_option("--loss", flags->loss,
                  "ce: cross-entropy with the labels; kl, mse: distance to the base model");
  verb.add_option("--label-smoothing", flags->label_smoothing,
                  "Share of the target that is spread over all tokens");
  verb.add_option("--temperature", flags->temperature, "Divides both models' logits, for kl");
  verb.add_option("--output,-o", flags->output, "File to write")->required()->type_name("FILE");
}

}  // namespace hyprstream::cli
