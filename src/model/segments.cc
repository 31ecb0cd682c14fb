#include "model/segments.h"

#include <algorithm>
#include <memory>

namespace hyprstream::model {

ModuleSegments::ModuleSegments(ops::Scratch& scratch, std::span<const AdapterUse> adapters,
                               int64_t layer, int64_t expert) {
  if (adapters.empty()) return;
  for (int module = 0; module < kModules; ++module) {
    const auto segments = scratch.Allocate<ops::AdapterSegment>(std::ssize(adapters));
    size_t count = 0;
    for (const AdapterUse& use : adapters) {
      const ops::LowRankView& view = use.views->At(layer, static_cast<Module>(module), expert);
      if (view.rank == 0 || use.scale == 0.0f) continue;
      std::construct_at(&segments[count++], ops::AdapterSegment{.row_begin = use.row_begin,
                                                                .row_end = use.row_end,
                                                                .view = view,
                                                                .scale = use.scale});
    }
    segments_[static_cast<size_t>(module)] = segments.first(count);
  }
}

std::vector<AdapterUse> SelectRows(std::span<const AdapterUse> adapters,
                                   std::span<const int32_t> rows) {
  std::vector<AdapterUse> selected;
  for (const AdapterUse& use : adapters) {
    const auto begin = std::ranges::lower_bound(rows, use.row_begin);
    const auto end = std::ranges::lower_bound(rows, use.row_end);
    if (begin == end) continue;
    AdapterUse part = use;
    part.row_begin = begin - rows.begin();
    part.row_end = end - rows.begin();
    selected.push_back(part);
  }
  return selected;
}

}  // namespace hyprstream::model
