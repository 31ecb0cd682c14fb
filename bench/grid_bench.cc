// What keeping adapters in grids costs, on the shape of Qwen3-1.7B's adapter at 99 % sparsity:
// bytes in memory and in files, updates a second, the way between tiles and factors, opening a
// version. Times are medians; reading is also shown as a share of this machine's stream over
// memory.
//   grid_bench [--rounds=N] [--backend=vdb|plain]
#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "adapters/stored_adapter.h"
#include "adapters/trainable_adapter.h"
#include "bench/arguments.h"
#include "kernels/cpu/limits.h"
#include "model/random_model.h"
#include "vdb/tile_updates.h"

namespace hyprstream {
namespace {

using Clock = std::chrono::steady_clock;
using adapters::TrainableAdapter;

struct Options {
  int rounds = 15;
  vdb::Backend backend = vdb::DefaultBackend();
};

Options Parse(int argc, char** argv) {
  Options options;
  bench::ForEachArgument(argc, argv, [&](const std::string& key, const std::string& value) {
    if (key == "--rounds") options.rounds = std::stoi(value);
    if (key == "--backend" && value == "plain") options.backend = vdb::Backend::kPlain;
    if (key == "--backend" && value == "vdb") options.backend = vdb::Backend::kVdb;
  });
  return options;
}

double MedianSeconds(int rounds, const std::function<void()>& body) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = Clock::now();
    body();
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::ranges::nth_element(times, times.begin() + rounds / 2);
  return times[static_cast<size_t>(rounds / 2)];
}

uint64_t Allocated() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// 115 components, at most three in a module.
void Place(TrainableAdapter& adapter) {
  std::mt19937 random(1);
  const size_t places = adapter.topology().places().size();
  for (int placed = 0; placed < 115;) {
    const size_t place = random() % places;
    if (adapter.components(place).size() >= 3) continue;
    adapter.Add(place, 1);
    ++placed;
  }
  std::normal_distribution<float> normal(0.0f, 0.05f);
  for (size_t i = 0; i < adapter.grid().size(); ++i) {
    for (float& value : adapter.grid().values(i)) value = normal(random);
  }
  // Values of the padding are zeros.
  for (size_t p = 0; p < places; ++p) {
    const adapters::Factors f = adapter.Gather(p);
    for (size_t i = adapter.components(p).size(); i-- > 0;) {
      const uint64_t tiles = adapter.topology().places()[p].tiles;
      const uint64_t last = adapter.topology().FirstTile(p, adapter.components(p)[i]) + tiles - 1;
      std::ranges::fill(adapter.grid().values(adapter.grid().Find(last)), 0.0f);
    }
    adapter.Scatter(p, MatrixOf(f.a), MatrixOf(f.b));
  }
}

void ShowMemory(const Options& options, const adapters::Topology& topology) {
  const uint64_t before = Allocated();
  TrainableAdapter adapter(topology, options.backend);
  Place(adapter);
  const auto values = static_cast<double>(adapter.grid().memory().value);
  const auto all = static_cast<double>(Allocated() - before);
  const auto weights = static_cast<double>(adapter.Statistics().parameters_active);
  std::printf(
      "training: %.0f non-zeros in %zu tiles: %.2f bytes each, with moments %.2f "
      "(allocated)\n",
      weights, adapter.grid().size(), values / weights, all / weights);
}

void ShowUpdates(const Options& options, TrainableAdapter& adapter) {
  vdb::TileGrid& grid = adapter.grid();
  std::mt19937 random(2);
  std::vector<vdb::WeightUpdate> weights;
  std::vector<vdb::TileUpdate> tiles;
  for (size_t i = 0; i < grid.size(); ++i) {
    tiles.push_back({.tile = grid.tile(i), .values = grid.values(i)});
    for (uint32_t k = 0; k < 8; ++k) {
      weights.push_back(
          {.at = {grid.tile(i), k * 64 + static_cast<uint32_t>(random() % 64)}, .value = 0.01f});
    }
  }
  const auto show = [&](const char* what, size_t count, const std::function<void()>& body) {
    const double seconds = MedianSeconds(options.rounds, body);
    std::printf("%-34s %8zu in %8.3f ms: %7.1f M a second\n", what, count, seconds * 1e3,
                static_cast<double>(count) / seconds / 1e6);
  };
  show("weights replaced in one batch", weights.size(),
       [&] { vdb::ApplyWeights(grid, weights, vdb::UpdateMode::kReplace); });
  show("weights of replaced tiles", tiles.size() * 512,
       [&] { vdb::ApplyTiles(grid, tiles, vdb::UpdateMode::kReplace); });
  const std::vector<uint64_t> others = [&] {
    std::vector<uint64_t> numbers;
    for (uint64_t t = 0; numbers.size() < 64; ++t) {
      if (!grid.IsActive(100000 + t)) numbers.push_back(100000 + t);
    }
    return numbers;
  }();
  show("tiles activated and deactivated", others.size(), [&] {
    grid.Activate(others);
    grid.Deactivate(others);
  });
  show("weights counted again", grid.size() * 512, [&] { grid.Recount(); });
  show("weights gathered and scattered", static_cast<size_t>(adapter.weights()), [&] {
    for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
      if (adapter.components(p).empty()) continue;
      const adapters::Factors f = adapter.Gather(p);
      adapter.Scatter(p, MatrixOf(f.a), MatrixOf(f.b));
    }
  });
}

void ShowFile(const Options& options, const TrainableAdapter& adapter, vdb::Encoding encoding,
              double stream) {
  const auto path = std::filesystem::temp_directory_path() / "hyprstream_grid_bench";
  const adapters::SaveOptions save{
      .name = "bench", .encoding = encoding, .backend = options.backend};
  const double write = MedianSeconds(options.rounds, [&] { adapter.Save(path, save); });
  const auto grid = vdb::StoredGrid::Open(path);
  const auto counted = static_cast<double>(grid->Recount().nonzeros);
  std::printf("%s: file %.3f bytes a non-zero (%llu), serving %.3f; written in %.2f ms\n",
              encoding == vdb::Encoding::kFp8 ? "codes " : "floats",
              static_cast<double>(grid->file_size().value) / counted,
              static_cast<unsigned long long>(grid->file_size().value),
              static_cast<double>(grid->memory().value) / counted, write * 1e3);
  const model::ModelConfig config = *model::PublishedShape("qwen3-1.7b");
  for (const vdb::Verify verify : {vdb::Verify::kFull, vdb::Verify::kStructure}) {
    const double open = MedianSeconds(options.rounds, [&] { vdb::StoredGrid::Open(path, verify); });
    const double adapter_open =
        MedianSeconds(options.rounds, [&] { adapters::StoredAdapter::Open(path, config, verify); });
    std::printf("  opened %s in %.3f ms, made ready for the model in %.3f ms\n",
                verify == vdb::Verify::kFull ? "verified " : "unverified", open * 1e3,
                adapter_open * 1e3);
  }
  std::array<float, vdb::kTileWeights> values;
  const double read = MedianSeconds(options.rounds, [&] {
    for (size_t i = 0; i < grid->size(); ++i) grid->Read(i, values);
  });
  const double rate = static_cast<double>(grid->memory().value) / read / 1e9;
  std::printf("  decoded to floats at %.1f GB/s of the file, %.0f %% of one thread's stream\n",
              rate, 100.0 * rate / stream);
  std::filesystem::remove(path);
}

int Main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  const model::ModelConfig config = *model::PublishedShape("qwen3-1.7b");
  const adapters::Topology topology(
      config, adapters::DefaultSpec(adapters::AdapterKind::kSparse, config, "bench"));
  std::printf("back end %s\n", std::string(vdb::BackendName(options.backend)).c_str());
  ShowMemory(options, topology);
  TrainableAdapter adapter(topology, options.backend);
  Place(adapter);
  ShowUpdates(options, adapter);
  ThreadPool one(1);
  const double stream =
      kernels::MeasureLimits(one, kernels::ChooseIsa()).read_bytes_per_second / 1e9;
  for (const vdb::Encoding encoding : {vdb::Encoding::kF32, vdb::Encoding::kFp8}) {
    ShowFile(options, adapter, encoding, stream);
  }
  return 0;
}

}  // namespace
}  // namespace hyprstream

int main(int argc, char** argv) { return hyprstream::Main(argc, argv); }
