// A safetensors base with an adapter merged in, as the tensors of a GGUF file: llama.cpp's names,
// its order of rows, its stacks of experts. Borrows as merged_tensors.h does.
#pragma once

#include "adapters/merged_tensors.h"

namespace hyprstream::adapters {

/// Tensors that no adapter acts on keep their type, but vectors and the router's weights are F32 as
/// llama.cpp wants them. Errors: kUnsupported for a tensor that GGUF has no name for; those of
/// MergeTensors.
MergedTensors MergeTensorsAsGguf(const formats::ModelFiles& files, const model::ModelConfig& config,
                                 const model::AdapterViews& views, MergeType type);

}  // namespace hyprstream::adapters
