// What a measurement means: medians, rates, and the share of the machine's limits that was reached.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cpu/limits.h"
#include "tensor/dtype.h"

namespace hyprstream::cli {

/// Middle and 95th percentile (nearest rank) of a sample that is not empty.
struct Spread {
  double median = 0;
  double p95 = 0;
  size_t n = 0;
};
Spread SpreadOf(std::vector<double> sample);

struct BenchResult {
  std::string what;  // "decode", "prefill"
  std::string model;
  DType type = DType::kBF16;
  int threads = 0;
  int64_t streams = 1;
  int64_t prompt_tokens = 0;
  int64_t new_tokens = 0;
  double tokens_per_sample = 1;  // a decode step makes one token for each stream
  double bytes_per_sample = 0;   // weights read
  double operations_per_sample = 0;
  std::vector<double> seconds;
  /// The read limit when each of `seconds` was taken; empty: that of the limits.
  std::vector<double> read_bytes_per_second;
  DType arithmetic = type;  // what the weights are multiplied in
};

/// {"bench", "model", …, "median_seconds", "p95_seconds", "n", "tokens_per_second", …, "limits",
/// "share", "machine"}
boost::json::value BenchDocument(const BenchResult& result, const kernels::MachineLimits& limits);

boost::json::value MachineDocument(int threads);

}  // namespace hyprstream::cli
