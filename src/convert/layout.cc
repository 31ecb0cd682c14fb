#include "convert/layout.h"

#include <algorithm>

#include "model/gguf_names.h"

namespace hyprstream::convert {

int64_t RowOrder::Source(int64_t row) const {
  if (move == Move::kNone) return row;
  const int64_t i = row % head_dim, half = head_dim / 2;
  const int64_t first = row - i;
  if (move == Move::kPair) return first + i / 2 + (i % 2) * half;
  return first + (i < half ? 2 * i : 2 * (i - half) + 1);
}

std::vector<LaidTensor> LayUnchanged(const formats::ModelFiles& files) {
  std::vector<LaidTensor> laid;
  const auto add = [&](const std::string& name, const TensorView& view) {
    const std::optional<model::HuggingFaceName> known = model::FromGgufName(name);
    const bool router =
        name.ends_with(".ffn_gate_inp.weight") || name.ends_with(".mlp.gate.weight");
    laid.push_back({.name = name,
                    .shape = view.shape,
                    .parts = {{.name = known ? known->name : name, .view = view}},
                    .layer = model::LayerOf(known ? known->name : name),
                    .small = view.shape.rank() < 2 || router});
  };
  for (const auto& [name, view] : files.tensors()) add(name, view);
  std::ranges::stable_sort(laid, {}, &LaidTensor::layer);
  return laid;
}

}  // namespace hyprstream::convert
