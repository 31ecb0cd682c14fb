// How fast a stored model's files are verified, beside `sha256sum` of the same files in the same
// run.
//
//   verify_bench [MEGABYTES] [FILES]      defaults: 1024 in 1 file, and the same in 4 files
//
// The files are read once before, so that both measure hashing and not the disk.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "registry/store.h"
#include "registry/verify.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

double Seconds(const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(times);
  return times[1];
}

void Fill(Store& store, const ModelKey& key, size_t bytes, int files) {
  std::vector<FileRecord> records;
  std::mt19937_64 random(7);
  std::vector<uint64_t> block(1 << 17);
  for (int i = 0; i < files; ++i) {
    // The partial file's name only has to be a hash.
    PartialFile partial = store.OpenPartial(Sha256Hex(std::as_bytes(std::span(&i, 1))));
    partial.Reset();
    Sha256 hash;
    size_t left = bytes / static_cast<size_t>(files);
    const size_t size = left;
    while (left > 0) {
      for (uint64_t& word : block) word = random();
      const auto part = std::as_bytes(std::span(block)).first(std::min(left, block.size() * 8));
      internal::WriteAll(partial.descriptor(), part, partial.path());
      hash.Update(part);
      left -= part.size();
    }
    const std::string sha256 = ToHex(hash.Finish());
    store.Keep(std::move(partial), sha256);
    records.push_back({.path = std::to_string(i), .size = size, .sha256 = sha256});
  }
  store.Publish(key, records, "bench");
}

void Measure(size_t bytes, int files) {
  std::string pattern = fs::temp_directory_path() / "hyprstream-verify-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) std::exit(1);
  {
    Store store = Store::Open({.data_home = pattern, .cache_home = pattern + "/cache"});
    const ModelKey key{"hf", "bench", "files", "r" + std::to_string(files)};
    Fill(store, key, bytes, files);
    const ModelRecord model = *store.Find(key.registry, key.org, key.name, key.revision);
    const std::string command = "sha256sum " + store.FolderOf(key).string() + "/* > /dev/null";
    const double theirs = Seconds([&] {
      if (std::system(command.c_str()) != 0) std::exit(1);
    });
    const double ours = Seconds([&] {
      if (!VerifyFiles(store, model, 0).faults.empty()) std::exit(1);
    });
    const double megabytes = static_cast<double>(bytes) / 1e6;
    std::printf("verify %6.0f MB in %d file%s: %7.1f MB/s, sha256sum %7.1f MB/s, ratio %.2f\n",
                megabytes, files, files == 1 ? " " : "s", megabytes / ours, megabytes / theirs,
                theirs / ours);
  }
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace hyprstream::registry

int main(int argc, char** argv) {
  const size_t megabytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1024;
  const size_t bytes = std::max<size_t>(megabytes, 1) << 20;
  if (argc > 2) {
    hyprstream::registry::Measure(bytes, std::max(std::atoi(argv[2]), 1));
    return 0;
  }
  for (const int files : {1, 4}) hyprstream::registry::Measure(bytes, files);
}
