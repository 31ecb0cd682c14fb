// `debug gradients`: a loss over a batch of sequences and the gradient of every adapter tensor.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/debug_loss.h"
#include "formats/safetensors.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct GradientsFlags : DebugLossFlags {
  std::string output;
};

/// The gradients of lora_A [rank, in] and lora_B [out, rank] as PEFT names and lays them out. The
/// trainer has B as columns.
class NamedGradients {
 public:
  explicit NamedGradients(const training::Trainer& trainer) {
    const std::vector<adapters::TopologyPlace>& places = trainer.adapter().topology().places();
    for (size_t p = 0; p < places.size(); ++p) {
      const auto rank = static_cast<int64_t>(trainer.adapter().components(p).size());
      if (rank == 0) continue;
      const training::PlaceGradient& gradient = trainer.gradients()[p];
      Tensor a(DType::kF32, {rank, places[p].in});
      Tensor b(DType::kF32, {places[p].out, rank});
      for (int64_t r = 0; r < rank && gradient.a.data != nullptr; ++r) {  // else: an idle expert
        std::copy_n(gradient.a.row(r), places[p].in, MatrixOf(a).row(r));
        for (int64_t out = 0; out < places[p].out; ++out) {
          MatrixOf(b).row(out)[r] = gradient.b.row(r)[out];
        }
      }
      Add("base_model.model." + places[p].path + ".lora_A.weight", std::move(a));
      Add("base_model.model." + places[p].path + ".lora_B.weight", std::move(b));
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
  DebugTrainer debug(shell, flags, {});
  ops::Context context = debug.context();
  const training::StepResult result = debug.trainer().Gradients(context, debug.Batches(1));
  NamedGradients gradients(debug.trainer());
  const size_t tensors = gradients.size();
  Tensor value(DType::kF32, {1});
  value.As<float>()[0] = static_cast<float>(result.loss);
  gradients.Add("loss", std::move(value));
  gradients.Write(flags.output);
  shell.out.Line(json::serialize(
      json::object{{"loss", result.loss}, {"targets", result.targets}, {"tensors", tensors}}));
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
  flags->RegisterLoss(verb);
  verb.add_option("--output,-o", flags->output, "File to write")->required()->type_name("FILE");
}

}  // namespace hyprstream::cli
