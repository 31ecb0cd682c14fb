// Laid-out tensors as they are written: some rows at a time are widened, rounded to their type by
// all threads, and given to the file, and the pages they came from are dropped. What is in memory
// does not depend on the size of a tensor or a model.
#pragma once

#include "base/progress.h"
#include "base/thread_pool.h"
#include "convert/layout.h"
#include "formats/streamed_tensor.h"

namespace hyprstream::convert {

/// What the writing of one model shares. One thread.
struct Work {
  const formats::ModelFiles& files;
  ThreadPool& pool;
  Progress& progress;  // in bytes written
};

/// `work` and the files must live until the tensor is written. Rows that keep their type are copied
/// bit for bit. Writing throws kDataLoss naming the tensor, row and column of a value that is not
/// finite, kUnsupported for one that is too large for the type.
formats::StreamedTensor StreamAs(const LaidTensor& tensor, DType type, const Work& work);

/// True when every value survives being stored as `type`. Reads the whole tensor.
bool IsExactIn(const LaidTensor& tensor, DType type);

}  // namespace hyprstream::convert
