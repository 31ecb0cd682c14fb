// How fast ops::Linear is, by weight type and number of rows, as a share of this machine's limits
// measured in the same run. Weights rotate over more memory than any cache holds, as the layers of
// a model do.   matmul_bench [--types=BF16,Q4_K] [--rows=1,8] [--threads=N] [--seconds=S]
// [--onednn=off]
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "bench/arguments.h"
#include "bench/onednn_compare.h"
#include "kernels/cpu/limits.h"
#include "ops/linear.h"
#include "tensor/float16.h"

namespace hyprstream {
namespace {

using Clock = std::chrono::steady_clock;
using namespace bench;

struct Options {
  std::vector<std::string> types = {"BF16", "F16",  "F32",  "Q8_0", "Q4_0",  "Q5_1",
                                    "Q4_K", "Q5_K", "Q6_K", "Q2_K", "IQ4_XS"};
  std::vector<int64_t> rows = {1, 8, 64, 512};
  int threads = 0;
  double seconds = 0.4;  // per line
  bool onednn = true;
};

// Gate or up, and down, of models with 0.6 and 1.7 billion parameters.
constexpr LayerShape kShapes[] = {{"0.6B up  ", 3072, 1024},
                                  {"0.6B down", 1024, 3072},
                                  {"1.7B up  ", 6144, 2048},
                                  {"1.7B down", 2048, 6144}};

Options Parse(int argc, char** argv) {
  Options options;
  ForEachArgument(argc, argv, [&](const std::string& key, const std::string& value) {
    if (key == "--types") options.types = Split(value);
    if (key == "--threads") options.threads = std::stoi(value);
    if (key == "--seconds") options.seconds = std::stod(value);
    if (key == "--onednn") options.onednn = value != "off";
    if (key == "--rows") {
      options.rows.clear();
      for (const std::string& part : Split(value)) options.rows.push_back(std::stol(part));
    }
  });
  return options;
}

// Copies of one weight that together exceed the caches.
class Copies {
 public:
  Copies(ops::Context& context, DType type, const LayerShape& shape) {
    const std::vector<std::byte> one = RandomWeight(type, shape.out * shape.in);
    const size_t count = (size_t{512} << 20) / one.size() + 1;
    memory_ = AlignedBuffer(IsFloat(type) ? one.size() * count : 0);
    for (size_t i = 0; i < count; ++i) {
      std::span<const std::byte> bytes = one;
      if (IsFloat(type)) {
        std::memcpy(memory_.data() + i * one.size(), one.data(), one.size());
        bytes = {memory_.data() + i * one.size(), one.size()};
      }
      weights_.push_back(ops::LinearWeight::Create(context,
                                                   {type, Shape{shape.out, shape.in}, bytes},
                                                   std::nullopt, ops::Arithmetic::kServing));
    }
  }
  const ops::LinearWeight& Next() { return weights_[next_++ % weights_.size()]; }

 private:
  AlignedBuffer memory_;
  std::vector<ops::LinearWeight> weights_;
  size_t next_ = 0;
};

// Seconds of one call: the quickest, since others may use the machine; every call meets weights
// that have left the caches.
double SecondsPerCall(ops::Context& context, Copies& copies, const LayerShape& shape, int64_t rows,
                      double seconds) {
  const std::vector<float> x = RandomFloats(rows * shape.in);
  std::vector<float> y(static_cast<size_t>(rows * shape.out));
  double best = 1e9;
  const auto start = Clock::now();
  for (auto now = start; std::chrono::duration<double>(now - start).count() < seconds;) {
    const ops::LinearCall linear{&copies.Next(), {y.data(), rows, shape.out, shape.out}, {}};
    const auto before = now;
    ops::Linear(context, {x.data(), rows, shape.in, shape.in}, {&linear, 1});
    now = Clock::now();
    best = std::min(best, std::chrono::duration<double>(now - before).count());
  }
  return best;
}

double Peak(const kernels::MachineLimits& limits, DType type) {
  if (IsQuantized(type) && limits.int8_ops_per_second > 0) return limits.int8_ops_per_second;
  if (type == DType::kBF16 && limits.bf16_flops_per_second > 0) {
    return limits.bf16_flops_per_second;
  }
  return limits.f32_flops_per_second;
}

void Run(const Options& options) {
  ThreadPool pool(options.threads);
  ops::Scratch scratch;
  ops::Context context{pool, kernels::ChooseIsa(), scratch};
  const kernels::MachineLimits limits = kernels::MeasureLimits(pool, context.isa);
  std::printf(
      "%s, %d threads; limits: read %.1f GB/s, f32 %.0f GFLOP/s, bf16 %.0f, int8 %.0f GOP/s\n",
      std::string(kernels::IsaName(context.isa)).c_str(), pool.threads(),
      limits.read_bytes_per_second * 1e-9, limits.f32_flops_per_second * 1e-9,
      limits.bf16_flops_per_second * 1e-9, limits.int8_ops_per_second * 1e-9);
  std::printf("%-7s %-10s %5s %10s %8s %6s %9s %6s %8s\n", "type", "layer", "rows", "us/call",
              "GB/s", "share", "GOP/s", "share", "x rows");
  for (const std::string& name : options.types) {
    const DType type = TypeNamed(name);
    for (const LayerShape& shape : kShapes) {
      Copies copies(context, type, shape);
      double first = 0;
      for (const int64_t rows : options.rows) {
        const double seconds = SecondsPerCall(context, copies, shape, rows, options.seconds);
        if (first == 0) first = seconds / static_cast<double>(rows);
        const double bytes = static_cast<double>(copies.Next().weight_bytes());
        const double operations = 2.0 * static_cast<double>(rows * shape.out * shape.in);
        std::printf("%-7s %-10s %5ld %10.1f %8.1f %5.0f%% %9.0f %5.0f%% %8.2f\n", name.c_str(),
                    shape.name, rows, seconds * 1e6, bytes / seconds * 1e-9,
                    100 * bytes / seconds / limits.read_bytes_per_second,
                    operations / seconds * 1e-9, 100 * operations / seconds / Peak(limits, type),
                    first * static_cast<double>(rows) / seconds);
        std::fflush(stdout);
      }
    }
  }
  if (!options.onednn) return;
  for (const LayerShape& shape : kShapes) {
    bench::CompareWithOneDnn(context, shape.name, shape.out, shape.in, options.rows);
  }
}

}  // namespace
}  // namespace hyprstream

int main(int argc, char** argv) {
  try {
    hyprstream::Run(hyprstream::Parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
