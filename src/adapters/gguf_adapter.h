// LoRA adapters as llama.cpp's converter writes them: a GGUF file of general.type "adapter" with
// <base tensor>.lora_a and .lora_b, brought back to the layout of Hugging Face. Facts:
// src/llama-adapter.cpp and convert_lora_to_gguf.py of llama.cpp.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "adapters/dense_adapter.h"
#include "formats/gguf.h"

namespace hyprstream::adapters {

/// One A and B per module, by path. Views live as long as the file and `moved`.
struct GgufModules {
  std::vector<formats::PeftModule> modules;
  std::vector<AlignedBuffer> moved;  // B of q and k, whose rows llama.cpp reorders for Llama
};

/// Errors: kInvalidArgument when the file holds a model; kDataLoss when tensors do not fit each
/// other or the base, or a half is missing; kUnsupported for another architecture or kind of
/// adapter, embeddings and heads.
GgufModules ReadGgufAdapter(const formats::GgufFile& file, const Places& places,
                            const model::ModelConfig& config);

/// Errors: those of GgufFile::Open, ReadGgufAdapter and DenseAdapter::Create.
std::shared_ptr<const DenseAdapter> OpenGgufAdapter(const std::filesystem::path& path,
                                                    const model::ModelConfig& config);

}  // namespace hyprstream::adapters
