// A base model's tensors with an adapter merged in: W + scale · B A, row by row while they are
// written, so that no more than some rows are in memory. Borrows the files and the adapter's views.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/model_files.h"
#include "formats/streamed_tensor.h"
#include "model/config.h"
#include "model/modules.h"

namespace hyprstream::adapters {

/// What a changed tensor is written as. kAsBase: rounded to nearest to the type it had; a quantised
/// one becomes F16, for rounding it to its blocks again could undo the update. kF32: not rounded.
enum class MergeType { kAsBase, kF32 };
/// The type that a changed tensor of a base's type is written as.
DType TypeOfMerged(DType base, MergeType type);

struct MergedTensors {
  std::vector<formats::StreamedTensor> tensors;  // under the files' names, in the files' order
  int64_t changed = 0;                           // how many the adapter acts on
  int64_t widened = 0;  // of those, how many were quantised and are F16 or F32 now
};

/// Changed tensors are computed in f32, all others stay as they are. `files`, `config` and what
/// `views` points to must live until the tensors are written. Writing one throws kUnsupported when
/// the result does not fit its type.
MergedTensors MergeTensors(const formats::ModelFiles& files, const model::ModelConfig& config,
                           const model::AdapterViews& views, MergeType type);

}  // namespace hyprstream::adapters
