#include "base/error.h"
#include "convert/layout.h"
#include "formats/small_files.h"
#include "model/gguf_names.h"

namespace hyprstream::convert {
namespace {

RowOrder OrderOf(const std::string& name, const model::ModelConfig& config) {
  const bool rotated =
      name.find(".q_proj.") != std::string::npos || name.find(".k_proj.") != std::string::npos;
  if (!config.interleaved_rope || !rotated) return {};
  return {.move = RowOrder::Move::kUnpair, .head_dim = config.head_dim};
}

void AddExperts(const model::HuggingFaceName& known, const TensorView& view,
                const model::ModelConfig& config, std::vector<LaidTensor>& laid) {
  if (view.shape.rank() != 3 || view.shape[0] != config.moe.experts) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "a stack of experts does not fit the model's configuration",
                 .expected = std::to_string(config.moe.experts) + " experts",
                 .found = view.shape.ToString(),
                 .where = formats::Quote(known.name)});
  }
  for (int64_t e = 0; e < view.shape[0]; ++e) {
    const std::string name = known.ExpertName(e);
    const TensorView rows = view.Rows(e * view.shape[1], view.shape[1]);
    laid.push_back({.name = name,
                    .shape = rows.shape,
                    .parts = {{.name = name, .view = rows}},
                    .layer = model::LayerOf(name)});
  }
}

}  // namespace

std::vector<LaidTensor> LayForSafetensors(const formats::ModelFiles& files,
                                          const model::ModelConfig& config) {
  std::vector<LaidTensor> laid;
  for (const auto& [gguf_name, view] : files.tensors()) {
    if (gguf_name == "rope_freqs.weight") continue;  // config.json says it in words
    const std::optional<model::HuggingFaceName> known = model::FromGgufName(gguf_name);
    if (!known) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "there is no Hugging Face name for a tensor of the model",
                   .found = formats::Quote(gguf_name) + " " + view.shape.ToString(),
                   .where = files.path().string()});
    }
    if (known->stacked) {
      AddExperts(*known, view, config, laid);
      continue;
    }
    Part part{.name = known->name, .view = view, .order = OrderOf(known->name, config)};
    const bool vector = view.shape.rank() == 1;
    if (vector && part.order.move != RowOrder::Move::kNone) part.view.shape = {view.shape[0], 1};
    laid.push_back({.name = known->name,
                    .shape = view.shape,
                    .parts = {std::move(part)},
                    .layer = model::LayerOf(known->name),
                    .small = vector || known->name.ends_with(".mlp.gate.weight")});
  }
  return laid;
}

}  // namespace hyprstream::convert
