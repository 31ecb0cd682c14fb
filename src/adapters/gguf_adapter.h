// LoRA adapters as llama.cpp's converter writes them: a GGUF file of general.type "adapter" with
// <base tensor>.lora_a and .lora_b, brought back to the layout of Hugging Face. Facts:
// src/llama-adapter.cpp and convert_lora_to_gguf.py of llama.cpp.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "adapters/dense_adapter.h"
#include "formats/gguf.h"

namespace hyprstream::adapters {

/// The converter reorders the rows of q and k for Llama's architecture, whatever the base is stored
/// as here: within a head its row i is row HalvedRow(i) of Hugging Face.
bool HasPairedRows(model::Family family, model::Module module);
int64_t HalvedRow(int64_t row, int64_t head_dim);

/// One A and B per module, by path; a module's last ranks that are zeros in A and in B are left out
/// of an f32 file. Views live as long as the file and `moved`.
struct GgufModules {
  std::vector<formats::PeftModule> modules;
  std::vector<AlignedBuffer> moved;  // B that is not as it lies in the file
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
