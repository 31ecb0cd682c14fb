// Where an adapter's components go: to the modules whose gradient has the largest singular values,
// all modules ranked together, so that weights are spent where the loss asks for them. A cap keeps
// the first layer from taking nearly all of them. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hyprstream::training {

struct PlacementOptions {
  int64_t weights = 0;  // at most so many altogether
  int64_t cap = 0;      // components of one module
};

/// strengths[p]: the singular values of module p's gradient, largest first; sizes[p]: weights of
/// one of its components (in + out); taken[p]: components it has already (empty means none), which
/// count against the cap, not against the weights. Returns how many components each module gets.
/// Modules are served in the order of their next strength; one that does not fit any more is passed
/// over, so the sum is the largest this order allows.
std::vector<int64_t> PlaceComponents(std::span<const std::vector<float>> strengths,
                                     std::span<const int64_t> sizes, std::span<const int64_t> taken,
                                     const PlacementOptions& options);

/// A little more than a fair share, at least 2: spreading forgets least.
int64_t DefaultCap(int64_t components, int64_t modules);

}  // namespace hyprstream::training
