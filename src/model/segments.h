// The adapters of a batch as one layer's linear operations want them: per module, the segments that
// have something there. They lie in scratch memory, so they end with the frame they were made in.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "model/batch.h"
#include "ops/adapter_view.h"
#include "ops/scratch.h"

namespace hyprstream::model {

class ModuleSegments {
 public:
  ModuleSegments(ops::Scratch& scratch, std::span<const AdapterUse> adapters, int64_t layer,
                 int64_t expert = 0);

  std::span<const ops::AdapterSegment> For(Module module) const {
    return segments_[static_cast<size_t>(module)];
  }

 private:
  std::array<std::span<const ops::AdapterSegment>, kModules> segments_;
};

/// The uses as they fall on a selection of the batch's rows: `rows` ascending row numbers; the
/// result's ranges count positions in `rows`.
std::vector<AdapterUse> SelectRows(std::span<const AdapterUse> adapters,
                                   std::span<const int32_t> rows);

}  // namespace hyprstream::model
