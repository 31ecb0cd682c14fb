#include "training/placement.h"

#include <algorithm>
#include <queue>

#include "base/error.h"

namespace hyprstream::training {

std::vector<int64_t> PlaceComponents(std::span<const std::vector<float>> strengths,
                                     std::span<const int64_t> sizes, std::span<const int64_t> taken,
                                     const PlacementOptions& options) {
  HYPR_CHECK(sizes.size() == strengths.size());
  HYPR_CHECK(taken.empty() || taken.size() == strengths.size());
  struct Next {
    float strength;
    size_t module;
    // The weaker one is "less"; of equals the earlier module comes first.
    bool operator<(const Next& other) const {
      return strength != other.strength ? strength < other.strength : module > other.module;
    }
  };
  std::vector<int64_t> given(strengths.size(), 0);
  std::priority_queue<Next> queue;
  const auto offer = [&](size_t module) {
    const int64_t had = taken.empty() ? 0 : taken[module];
    const auto next = static_cast<size_t>(given[module]);
    if (had + given[module] >= options.cap || next >= strengths[module].size()) return;
    if (strengths[module][next] > 0.0f) queue.push({strengths[module][next], module});
  };
  for (size_t module = 0; module < strengths.size(); ++module) offer(module);
  int64_t left = options.weights;
  while (!queue.empty()) {
    const size_t module = queue.top().module;
    queue.pop();
    if (sizes[module] > left) continue;
    left -= sizes[module];
    ++given[module];
    offer(module);
  }
  return given;
}

int64_t DefaultCap(int64_t components, int64_t modules) {
  return std::max<int64_t>(2, (6 * components + 5 * modules - 1) / (5 * modules));
}

}  // namespace hyprstream::training
