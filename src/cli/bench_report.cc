#include "cli/bench_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/error.h"
#include "base/thread_pool.h"
#include "cli/build_info.h"
#include "cli/machine.h"
#include "kernels/cpu/isa.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

/// The arithmetic that weights of this type are multiplied with.
double ArithmeticLimit(DType type, const kernels::MachineLimits& limits) {
  if (IsQuantized(type) && limits.int8_ops_per_second > 0) return limits.int8_ops_per_second;
  if (type == DType::kBF16 && limits.bf16_flops_per_second > 0) return limits.bf16_flops_per_second;
  return limits.f32_flops_per_second;
}

double Share(double reached, double limit) { return limit > 0 ? reached / limit : 0; }

// Of each sample against the limit of its own time: both move together on a shared machine.
double MemoryShare(const BenchResult& result) {
  std::vector<double> shares;
  for (size_t i = 0; i < result.seconds.size(); ++i) {
    shares.push_back(
        Share(result.bytes_per_sample / result.seconds[i], result.read_bytes_per_second[i]));
  }
  return SpreadOf(std::move(shares)).median;
}

}  // namespace

Spread SpreadOf(std::vector<double> sample) {
  HYPR_CHECK(!sample.empty());
  std::sort(sample.begin(), sample.end());
  const size_t n = sample.size();
  const double median = n % 2 == 1 ? sample[n / 2] : (sample[n / 2 - 1] + sample[n / 2]) / 2;
  const auto rank = static_cast<size_t>(std::ceil(0.95 * static_cast<double>(n)));
  return {.median = median, .p95 = sample[rank - 1], .n = n};
}

json::value MachineDocument(int threads) {
  return {
      {"processor", ProcessorName()}, {"processors", AvailableProcessors()},
      {"threads", threads},           {"instruction_set", kernels::IsaName(kernels::ChooseIsa())},
      {"version", kVersion},          {"commit", kGitDescribe},
      {"build", kBuildType}};
}

json::value BenchDocument(const BenchResult& result, const kernels::MachineLimits& limits) {
  const bool alongside = !result.read_bytes_per_second.empty();
  const double read_limit =
      alongside ? SpreadOf(result.read_bytes_per_second).median : limits.read_bytes_per_second;
  const Spread spread = SpreadOf(result.seconds);
  const double tokens_per_second = result.tokens_per_sample / spread.median;
  const double bytes_per_second = result.bytes_per_sample / spread.median;
  const double operations = result.operations_per_sample / spread.median;
  const double memory_share = alongside ? MemoryShare(result) : Share(bytes_per_second, read_limit);
  const double arithmetic_share = Share(operations, ArithmeticLimit(result.arithmetic, limits));
  json::object document{{"bench", result.what},
                        {"model", result.model},
                        {"type", Name(result.type)},
                        {"streams", result.streams},
                        {"prompt_tokens", result.prompt_tokens},
                        {"new_tokens", result.new_tokens},
                        {"median_seconds", spread.median},
                        {"p95_seconds", spread.p95},
                        {"n", spread.n},
                        {"tokens_per_second", tokens_per_second},
                        {"weight_bytes_per_step", static_cast<uint64_t>(result.bytes_per_sample)},
                        {"gigabytes_per_second", bytes_per_second / 1e9},
                        {"gigaoperations_per_second", operations / 1e9}};
  document["limits"] = {{"read_gigabytes_per_second", read_limit / 1e9},
                        {"f32_gigaoperations_per_second", limits.f32_flops_per_second / 1e9},
                        {"bf16_gigaoperations_per_second", limits.bf16_flops_per_second / 1e9},
                        {"int8_gigaoperations_per_second", limits.int8_ops_per_second / 1e9}};
  document["share"] = {{"of_memory_limit", memory_share},
                       {"of_arithmetic_limit", arithmetic_share},
                       {"bound_by", memory_share >= arithmetic_share ? "memory" : "arithmetic"}};
  document["machine"] = MachineDocument(result.threads);
  return document;
}

}  // namespace hyprstream::cli
