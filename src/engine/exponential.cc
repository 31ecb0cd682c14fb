#include "engine/exponential.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kChunk = 256;  // long enough for the compiler to use vectors, a multiple of kLanes

}  // namespace

double SumOfExponentials(std::span<const float> values, float largest, double inverse_temperature,
                         std::span<double> terms) {
  HYPR_CHECK(terms.empty() || terms.size() == values.size());
  std::array<double, kLanes> sums{};
  std::array<double, kChunk> chunk;
  const double top = largest;
  for (size_t begin = 0; begin < values.size(); begin += kChunk) {
    const size_t count = std::min(kChunk, values.size() - begin);
    const float* part = values.data() + begin;
    for (size_t i = 0; i < count; ++i) {
      chunk[i] = ExpOfNegative((static_cast<double>(part[i]) - top) * inverse_temperature);
    }
    std::fill(chunk.begin() + static_cast<std::ptrdiff_t>(count), chunk.end(), 0.0);
    for (size_t i = 0; i < kChunk; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) sums[j] += chunk[i + j];
    }
    if (!terms.empty())
      std::copy_n(chunk.begin(), count, terms.begin() + static_cast<int64_t>(begin));
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

double LogSumExp(std::span<const float> values, float largest) {
  return static_cast<double>(largest) + std::log(SumOfExponentials(values, largest, 1.0));
}

}  // namespace hyprstream::engine
