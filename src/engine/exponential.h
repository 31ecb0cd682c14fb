// e^x in f64 by the same few operations on every machine: the C library's own differs between
// versions and instruction sets in the last bit, and a drawn token must not. Loops over it
// vectorise.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace hyprstream::engine {

/// x ≤ 0. Relative error below 4e-16 for x > −700; below that the result is e^−700 (1e-304).
inline double ExpOfNegative(double x) {
  x = x > -700.0 ? x : -700.0;
  // x = n·ln 2 + r with |r| ≤ ln 2 / 2; adding 1.5·2^52 rounds to an integer in the low bits.
  const double shifted = x * 1.4426950408889634 + 0x1.8p52;
  const double n = shifted - 0x1.8p52;
  const double r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;
  double sum = 1.0 / 6227020800.0;  // Taylor to r^13: the remainder is below 1e-17
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const uint64_t exponent = std::bit_cast<uint64_t>(shifted) << 52;
  return std::bit_cast<double>(std::bit_cast<uint64_t>(sum) + exponent);
}

/// Σ e^((value − largest)·inverse_temperature) in f64, eight interleaved partial sums whatever the
/// machine. `largest` is the largest of `values`. `terms`, when not empty, receives each summand.
double SumOfExponentials(std::span<const float> values, float largest, double inverse_temperature,
                         std::span<double> terms = {});

/// log Σ e^value in f64: log p(i) is values[i] minus this.
double LogSumExp(std::span<const float> values, float largest);

}  // namespace hyprstream::engine
