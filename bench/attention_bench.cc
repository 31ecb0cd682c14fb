// How fast ops::Attention is: prompts as a share of the arithmetic limit (the masked half of the
// scores is not counted as work), single tokens as a share of the memory bandwidth, both limits
// measured in the same run. Caches rotate over more memory than the processor's caches hold, as a
// model's layers do.
//   attention_bench [--threads=N] [--seconds=S] [--head_dim=D] [--heads=H] [--kv_heads=K]
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "bench/arguments.h"
#include "kernels/cpu/limits.h"
#include "ops/attention.h"

namespace hyprstream {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int threads = 0;
  double seconds = 0.4;  // per line
  int64_t heads = 16;
  int64_t kv_heads = 8;
  int64_t head_dim = 128;
};

Options Parse(int argc, char** argv) {
  Options options;
  bench::ForEachArgument(argc, argv, [&](const std::string& key, const std::string& value) {
    if (key == "--threads") options.threads = std::stoi(value);
    if (key == "--seconds") options.seconds = std::stod(value);
    if (key == "--heads") options.heads = std::stol(value);
    if (key == "--kv_heads") options.kv_heads = std::stol(value);
    if (key == "--head_dim") options.head_dim = std::stol(value);
  });
  return options;
}

/// Seconds of the fastest of the calls that fit in the time.
template <typename Body>
double Fastest(double seconds, Body&& body) {
  double fastest = 1e9;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    body();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - begin).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  return fastest;
}

std::vector<float> RandomFloats(int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

/// A sequence of `context` positions in each of several layers of one cache.
class Layers {
 public:
  Layers(const Options& options, DType dtype, int64_t context, int64_t layers)
      : layers_(layers), pages_(static_cast<size_t>((context + 31) / ops::kPageTokens)) {
    std::iota(pages_.begin(), pages_.end(), 0);
    const uint64_t layer_bytes =
        ops::KvLayerView::PageBytes(dtype, options.kv_heads, options.head_dim);
    stride_ = layer_bytes * static_cast<uint64_t>(layers);
    memory_ = AlignedBuffer(stride_ * pages_.size());
    view_ = {memory_.data(), stride_, dtype, options.kv_heads, options.head_dim};
    layer_bytes_ = layer_bytes;
  }
  ops::KvLayerView Next() {
    ops::KvLayerView view = view_;
    view.base += static_cast<uint64_t>(next_) * layer_bytes_;
    next_ = (next_ + 1) % layers_;
    return view;
  }
  std::span<const int32_t> pages() const { return pages_; }
  int64_t layers() const { return layers_; }

 private:
  int64_t layers_;
  std::vector<int32_t> pages_;
  uint64_t stride_ = 0;
  uint64_t layer_bytes_ = 0;
  AlignedBuffer memory_;
  ops::KvLayerView view_;
  int64_t next_ = 0;
};

class Bench {
 public:
  Bench(const Options& options, kernels::Isa isa, const kernels::MachineLimits& limits,
        ThreadPool& pool)
      : options_(options), limits_(limits), context_{pool, isa, scratch_} {}

  void Prefill(DType dtype, int64_t tokens) {
    Layers layers(options_, dtype, tokens, 1);
    const double seconds = Time(layers, tokens, tokens);
    const double flops = 2.0 * static_cast<double>(tokens) * static_cast<double>(tokens + 1) *
                         static_cast<double>(options_.heads * options_.head_dim);
    const double limit = dtype == DType::kBF16 && limits_.bf16_flops_per_second > 0
                             ? limits_.bf16_flops_per_second
                             : limits_.f32_flops_per_second;
    std::printf("%-6s %-4s prefill %5ld          %9.3f ms  %7.1f GFLOP/s  %5.1f %% of the peak\n",
                IsaName(context_.isa).data(), Name(dtype).data(), tokens, seconds * 1e3,
                flops / seconds * 1e-9, 100 * flops / seconds / limit);
  }

  void Decode(DType dtype, int64_t sequences, int64_t context) {
    Layers layers(options_, dtype, context, 12);
    const double seconds = Time(layers, sequences, context);
    const double bytes = static_cast<double>(ops::KvLayerView::PageBytes(dtype, options_.kv_heads,
                                                                         options_.head_dim)) *
                         static_cast<double>(context) / ops::kPageTokens;
    std::printf("%-6s %-4s decode  %5ld × %2ld    %9.3f ms  %7.1f GB/s     %5.1f %% of bandwidth\n",
                IsaName(context_.isa).data(), Name(dtype).data(), context, sequences, seconds * 1e3,
                bytes / seconds * 1e-9, 100 * bytes / seconds / limits_.read_bytes_per_second);
  }

 private:
  /// Seconds per layer for the last `rows` positions of the context.
  double Time(Layers& layers, int64_t rows, int64_t context) {
    const int64_t q_cols = options_.heads * options_.head_dim;
    const int64_t kv_cols = options_.kv_heads * options_.head_dim;
    const std::vector<float> q = RandomFloats(rows * q_cols);
    std::vector<float> out(q.size());
    const std::vector<float> kv = RandomFloats(context * kv_cols);
    const ops::SequenceRows all{0, context, 0, layers.pages()};
    const ConstMatrix stored{kv.data(), context, kv_cols, kv_cols};
    for (int64_t i = 0; i < layers.layers(); ++i) {
      ops::StoreKeysValues(context_, stored, stored, layers.Next(), {&all, 1});
    }
    const ops::SequenceRows last{0, rows, context - rows, layers.pages()};
    const ops::AttentionOptions attention{
        .scale = 1.0f / std::sqrt(static_cast<float>(options_.head_dim))};
    return Fastest(options_.seconds,
                   [&] {
                     for (int64_t i = 0; i < layers.layers(); ++i) {
                       ops::Attention(context_, {q.data(), rows, q_cols, q_cols}, layers.Next(),
                                      {&last, 1}, attention, {out.data(), rows, q_cols, q_cols});
                     }
                   }) /
           static_cast<double>(layers.layers());
  }

  Options options_;
  kernels::MachineLimits limits_;
  ops::Scratch scratch_;
  ops::Context context_;
};

int Main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  ThreadPool pool(options.threads);
  std::printf("%ld heads, %ld of keys and values, head_dim %ld, %d threads\n", options.heads,
              options.kv_heads, options.head_dim, pool.threads());
  for (const kernels::Isa isa : kernels::SupportedIsas()) {
    const kernels::MachineLimits limits = kernels::MeasureLimits(pool, isa);
    std::printf("limits of %s: %.1f GB/s, %.0f GFLOP/s f32, %.0f GFLOP/s bf16\n",
                IsaName(isa).data(), limits.read_bytes_per_second * 1e-9,
                limits.f32_flops_per_second * 1e-9, limits.bf16_flops_per_second * 1e-9);
    Bench bench(options, isa, limits, pool);
    for (const DType dtype : {DType::kBF16, DType::kF32}) {
      for (const int64_t tokens : {512, 2048}) bench.Prefill(dtype, tokens);
      for (const int64_t context : {512, 4096}) bench.Decode(dtype, 1, context);
    }
  }
  return 0;
}

}  // namespace
}  // namespace hyprstream

int main(int argc, char** argv) { return hyprstream::Main(argc, argv); }
