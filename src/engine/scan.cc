#include "engine/scan.h"

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/dequantize.h"

namespace hyprstream::engine {

void RequireFinite(std::span<const float> values, std::string_view what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw Error(ErrorCode::kDataLoss,
                {.message = "a number of the model is not finite",
                 .found = std::isnan(values[i]) ? "NaN" : "infinity",
                 .where = std::string(what) + ", element " + std::to_string(i)});
  }
}

uint64_t RequireFinite(const formats::ModelFiles& files, const ProgressListener& listener) {
  Progress progress(listener, "checking numbers", files.tensor_bytes());
  uint64_t scanned = 0;
  std::vector<float> row;
  for (const auto& [name, view] : files.tensors()) {
    if (CanDequantize(view.dtype) && view.elements() > 0) {
      row.resize(static_cast<size_t>(view.cols()));
      for (int64_t i = 0; i < view.rows(); ++i) {
        DequantizeRow(view.dtype, view.row(i), row);
        RequireFinite(row, name + ", row " + std::to_string(i));
        progress.Advance(view.row_bytes());
      }
      scanned += static_cast<uint64_t>(view.elements());
      if (const MappedFile* file = files.MappingOf(view)) file->DropPages(view.bytes);
    }
  }
  progress.Finish();
  return scanned;
}

}  // namespace hyprstream::engine
