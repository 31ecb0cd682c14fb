// How fast the gradients of linear layers are, as a share of this machine's arithmetic measured in
// the same run: LinearInputGradient by weight type, with oneDNN's product of the same matrices
// beside it, and LowRankGradient by rank. Calls of one table take turns, so that a slow moment of
// the machine meets all of them; medians are printed.
//   linear_gradient_bench [--types=BF16,Q8_0] [--rows=128,512] [--threads=N] [--rounds=N]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bench/arguments.h"
#include "bench/onednn_compare.h"
#include "kernels/cpu/limits.h"
#include "ops/linear_gradient.h"
#include "ops/low_rank_gradient.h"

namespace hyprstream {
namespace {

using Clock = std::chrono::steady_clock;
using namespace bench;

struct Options {
  std::vector<std::string> types = {"BF16", "Q8_0", "Q4_K", "F32"};
  std::vector<std::string> rows = {"128", "512"};
  int threads = 0;
  int rounds = 25;
};

// Of Qwen3-0.6B.
constexpr LayerShape kShapes[] = {{"q      ", 2048, 1024},
                                  {"k, v   ", 1024, 1024},
                                  {"o      ", 1024, 2048},
                                  {"gate,up", 3072, 1024},
                                  {"down   ", 1024, 3072}};

Options Parse(int argc, char** argv) {
  Options options;
  ForEachArgument(argc, argv, [&](const std::string& key, const std::string& value) {
    if (key == "--types") options.types = Split(value);
    if (key == "--rows") options.rows = Split(value);
    if (key == "--threads") options.threads = std::stoi(value);
    if (key == "--rounds") options.rounds = std::stoi(value);
  });
  return options;
}

struct Line {
  std::string name;
  double operations;
  double peak;
  std::function<void()> call;
  std::vector<double> seconds = {};
};

// Before each call 8 MiB are written, so that operands come from where a training step finds them.
// The pause lets other libraries' threads fall asleep: OpenMP's spin for milliseconds after a call.
void TakeTurns(std::vector<Line>& lines, int rounds) {
  std::vector<char> elsewhere(size_t{8} << 20);
  for (int round = -1; round < rounds; ++round) {
    for (Line& line : lines) {
      std::fill(elsewhere.begin(), elsewhere.end(), static_cast<char>(round));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const auto before = Clock::now();
      line.call();
      const std::chrono::duration<double> seconds = Clock::now() - before;
      if (round >= 0) line.seconds.push_back(seconds.count());
    }
  }
}

void Print(std::vector<Line>& lines) {
  for (Line& line : lines) {
    std::sort(line.seconds.begin(), line.seconds.end());
    const double median = line.seconds[line.seconds.size() / 2];
    const double best = line.seconds.front();
    std::printf("%-32s %10.1f us %8.0f GFLOP/s %4.0f%% (best %4.0f%%)\n", line.name.c_str(),
                median * 1e6, line.operations / median * 1e-9,
                100 * line.operations / median / line.peak,
                100 * line.operations / best / line.peak);
  }
  std::fflush(stdout);
}

void InputGradients(ops::Context& context, const Options& options,
                    const kernels::MachineLimits& limits, int64_t rows) {
  const double peak =
      limits.bf16_flops_per_second > 0 ? limits.bf16_flops_per_second : limits.f32_flops_per_second;
  for (const LayerShape& shape : kShapes) {
    const std::vector<float> dy = RandomFloats(rows * shape.out);
    std::vector<float> dx(static_cast<size_t>(rows * shape.in));
    std::vector<std::vector<std::byte>> bytes;
    std::vector<ops::LinearWeight> weights;
    for (const std::string& name : options.types) {
      bytes.push_back(RandomWeight(TypeNamed(name), shape.out * shape.in));
      weights.push_back(ops::LinearWeight::Create(
          context, {TypeNamed(name), Shape{shape.out, shape.in}, bytes.back()}, std::nullopt,
          ops::Arithmetic::kServing));
    }
    const double operations = 2.0 * static_cast<double>(rows * shape.out * shape.in);
    const std::string where = std::string(" ") + shape.name + " rows " + std::to_string(rows);
    std::vector<Line> lines;
    for (size_t i = 0; i < weights.size(); ++i) {
      lines.push_back(
          {options.types[i] + where, operations, peak, [&, i] {
             const ops::LinearGradientTerm term{&weights[i],
                                                {dy.data(), rows, shape.out, shape.out}};
             ops::LinearInputGradient(context, {&term, 1}, {dx.data(), rows, shape.in, shape.in});
           }});
    }
    if (auto product = bench::OneDnnInputGradient(rows, shape.out, shape.in)) {
      lines.push_back({"oneDNN bf16" + where, operations, peak, std::move(product)});
    }
    TakeTurns(lines, options.rounds);
    Print(lines);
  }
}

void LowRankGradients(ops::Context& context, const Options& options,
                      const kernels::MachineLimits& limits, int64_t rows) {
  constexpr LayerShape kShape = kShapes[3];
  const std::vector<float> x = RandomFloats(rows * kShape.in);
  const std::vector<float> dy = RandomFloats(rows * kShape.out);
  std::vector<float> dx(x.size());
  std::vector<Line> lines;
  std::vector<std::vector<float>> vectors;
  for (const int64_t rank : {1, 4, 16, 64}) {
    for (int i = 0; i < 2; ++i) {
      vectors.push_back(RandomFloats(rank * kShape.in));
      vectors.push_back(RandomFloats(rank * kShape.out));
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    const int64_t rank = int64_t{1} << (2 * i);
    const double operations =
        2.0 * static_cast<double>(rows * rank * (3 * kShape.in + 2 * kShape.out));
    const std::string name =
        "low rank " + std::to_string(rank) + " " + kShape.name + " rows " + std::to_string(rows);
    lines.push_back({name, operations, limits.f32_flops_per_second, [&, rank, i] {
                       float* da = vectors[4 * i + 2].data();
                       float* db = vectors[4 * i + 3].data();
                       ops::LowRankGradient(
                           context, {x.data(), rows, kShape.in, kShape.in},
                           {dy.data(), rows, kShape.out, kShape.out},
                           {vectors[4 * i].data(), vectors[4 * i + 1].data(), rank}, 1e-3f,
                           {da, rank, kShape.in, kShape.in}, {db, rank, kShape.out, kShape.out},
                           {dx.data(), rows, kShape.in, kShape.in});
                     }});
  }
  TakeTurns(lines, options.rounds);
  Print(lines);
}

void Run(const Options& options) {
  ThreadPool pool(options.threads);
  ops::Scratch scratch;
  ops::Context context{pool, kernels::ChooseIsa(), scratch};
  const kernels::MachineLimits limits = kernels::MeasureLimits(pool, context.isa);
  std::printf("%s, %d threads; limits: f32 %.0f GFLOP/s, bf16 %.0f\n",
              std::string(kernels::IsaName(context.isa)).c_str(), pool.threads(),
              limits.f32_flops_per_second * 1e-9, limits.bf16_flops_per_second * 1e-9);
  for (const std::string& rows : options.rows) {
    InputGradients(context, options, limits, std::stol(rows));
    LowRankGradients(context, options, limits, std::stol(rows));
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
