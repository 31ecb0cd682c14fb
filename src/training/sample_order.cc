#include "training/sample_order.h"

#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/random.h"

namespace hyprstream::training {

SampleOrder::SampleOrder(size_t count, uint64_t seed) : seed_(seed), epoch_(0) {
  HYPR_CHECK(count > 0);
  permutation_.resize(count);
  Shuffle(0);
}

size_t SampleOrder::At(uint64_t n) {
  const uint64_t epoch = n / permutation_.size();
  if (epoch != epoch_) Shuffle(epoch);
  return permutation_[n % permutation_.size()];
}

// Fisher and Yates, from the identity each time.
void SampleOrder::Shuffle(uint64_t epoch) {
  epoch_ = epoch;
  std::iota(permutation_.begin(), permutation_.end(), size_t{0});
  const CounterRandom random(CounterRandom(seed_).Bits(epoch));
  for (size_t i = permutation_.size(); i > 1; --i) {
    // The bias of a product of 53 bits is below 2^-40 for any number of samples there can be.
    const auto j = static_cast<size_t>(random.Uniform(i) * static_cast<double>(i));
    std::swap(permutation_[i - 1], permutation_[j]);
  }
}

}  // namespace hyprstream::training
