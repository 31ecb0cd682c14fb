// Adapter files that the tests make.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "adapters/base_modules.h"
#include "formats/gguf_writer.h"
#include "formats/peft.h"
#include "formats/support.h"
#include "model/gguf_names.h"
#include "tensor/dequantize.h"

namespace hyprstream::testing {

using GgufMetadata = std::vector<std::pair<std::string, formats::GgufField>>;

inline GgufMetadata AdapterMetadata(const std::string& architecture, float alpha) {
  return {{"general.architecture", architecture},
          {"general.type", std::string("adapter")},
          {"adapter.type", std::string("lora")},
          {"adapter.lora.alpha", alpha}};
}

inline Tensor Scaled(const TensorView& view, double factor) {
  Tensor out = DequantizeToF32(view);
  for (float& value : out.As<float>()) value = static_cast<float>(value * factor);
  return out;
}

/// The adapter of a PEFT folder as a converter to GGUF writes it for Qwen3, which keeps the order
/// of rows: alpha is 1, every other factor goes into B.
inline void WriteAsGguf(const std::filesystem::path& peft, const model::ModelConfig& config,
                        const std::filesystem::path& path) {
  formats::BaseModules shapes;
  for (const auto& [name, place] : adapters::PlacesOf(config)) shapes.emplace(name, place.shape);
  const auto adapter = formats::PeftAdapter::Open(peft, shapes);
  std::vector<Tensor> scaled;
  std::vector<formats::NamedTensor> tensors;
  scaled.reserve(adapter->modules().size());
  for (const formats::PeftModule& module : adapter->modules()) {
    const std::string name = model::ToGgufName(module.path + ".weight")->name;
    scaled.push_back(Scaled(module.b, module.scale * static_cast<double>(module.rank)));
    tensors.push_back({name + ".lora_a", module.a});
    tensors.push_back({name + ".lora_b", scaled.back().view()});
  }
  formats::WriteGguf(path, AdapterMetadata("qwen3", 1.0f), tensors);
}

}  // namespace hyprstream::testing
