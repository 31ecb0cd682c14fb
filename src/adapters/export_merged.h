// A base model and an adapter as one model that needs no adapter, with everything beside the
// weights that the base has: configuration, tokenizer, templates.
#pragma once

#include <cstdint>
#include <filesystem>

#include "adapters/export_modules.h"
#include "adapters/merged_tensors.h"
#include "formats/model_files.h"
#include "model/config.h"
#include "model/modules.h"

namespace hyprstream::adapters {

struct MergeResult {
  int64_t changed = 0;  // tensors that the adapter acts on
  int64_t widened = 0;  // of those, quantised ones that are F16 or F32 now
};

/// A folder with config.json (with kF32 its dtype says float32), model.safetensors and copies of
/// the other small files of a safetensors base. Appears complete or not at all. Errors:
/// kUnsupported for a GGUF base; those of RequireNothingAt and MergeTensors; kIo.
MergeResult ExportMergedSafetensors(const formats::ModelFiles& base,
                                    const model::ModelConfig& config,
                                    const model::AdapterViews& views,
                                    const std::filesystem::path& folder, MergeType type);

/// One file: with the metadata of a GGUF base, or with a safetensors base's configuration and
/// tokenizer as llama.cpp's converter writes them. Errors: kUnsupported for what GGUF cannot say of
/// the base; as above.
MergeResult ExportMergedGguf(const formats::ModelFiles& base, const model::ModelConfig& config,
                             const model::AdapterViews& views, const std::filesystem::path& file,
                             MergeType type);

}  // namespace hyprstream::adapters
