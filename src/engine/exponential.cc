#include "engine/exponential.h"

#include <array>
#include <cmath>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kLanes = 8;

}  // namespace

double SumOfExponentials(std::span<const float> values, float largest, double inverse_temperature,
                         std::span<double> terms) {
  HYPR_CHECK(terms.empty() || terms.size() == values.size());
  std::array<double, kLanes> sums{};
  std::array<double, kLanes> term{};
  const double top = largest;
  const size_t whole = values.size() / kLanes * kLanes;
  for (size_t begin = 0; begin < whole; begin += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      term[j] = ExpOfNegative((static_cast<double>(values[begin + j]) - top) * inverse_temperature);
      sums[j] += term[j];
    }
    if (!terms.empty()) {
      for (size_t j = 0; j < kLanes; ++j) terms[begin + j] = term[j];
    }
  }
  for (size_t i = whole; i < values.size(); ++i) {
    const double one = ExpOfNegative((static_cast<double>(values[i]) - top) * inverse_temperature);
    sums[i - whole] += one;
    if (!terms.empty()) terms[i] = one;
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

double LogSumExp(std::span<const float> values, float largest) {
  return static_cast<double>(largest) + std::log(SumOfExponentials(values, largest, 1.0));
}

}  // namespace hyprstream::engine
