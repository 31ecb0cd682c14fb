// Speed of encoding: tokenizer_bench TOKENIZER TEXT [SAMPLES]
//
// TEXT holds documents separated by NUL bytes; a sample encodes each of them once. Prints one JSON
// line with the speed in MB/s (10^6 bytes). With SAMPLES = 0 the program takes one sample for every
// line on its standard input and prints {"seconds", "ids"}, so that another program can be timed in
// turns with it.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "text/tokenizer.h"

namespace hyprstream::bench {
namespace {

/// The thread's processor time, which other programs on the machine do not stretch as they do the
/// clock's.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Sample {
  double seconds = 0;
  size_t ids = 0;
};

class Workload {
 public:
  Workload(const char* tokenizer, const char* text)
      : tokenizer_(text::Tokenizer::FromPath(tokenizer)), file_(MappedFile::Open(text)) {
    std::string_view rest(reinterpret_cast<const char*>(file_->bytes().data()),
                          file_->bytes().size());
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\0'), rest.size());
      documents_.push_back(rest.substr(0, end));
      bytes_ += end;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  Sample Run() const {
    const double start = ThreadSeconds();
    Sample sample;
    for (const std::string_view document : documents_) {
      sample.ids += tokenizer_->Encode(document).size();
    }
    sample.seconds = ThreadSeconds() - start;
    return sample;
  }
  double megabytes() const { return static_cast<double>(bytes_) / 1e6; }

 private:
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::shared_ptr<const MappedFile> file_;
  std::vector<std::string_view> documents_;
  size_t bytes_ = 0;
};

void Serve(const Workload& workload) {
  for (std::string line; std::getline(std::cin, line);) {
    const Sample sample = workload.Run();
    std::printf("{\"seconds\": %.9f, \"ids\": %zu}\n", sample.seconds, sample.ids);
    std::fflush(stdout);
  }
}

void Measure(const Workload& workload, int samples) {
  workload.Run();
  std::vector<double> seconds;
  size_t ids = 0;
  for (int i = 0; i < samples; ++i) {
    const Sample sample = workload.Run();
    seconds.push_back(sample.seconds);
    ids = sample.ids;
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  const double p95 = seconds[std::min(seconds.size() - 1, seconds.size() * 95 / 100)];
  std::printf(
      "{\"median_mb_per_s\": %.2f, \"p95_mb_per_s\": %.2f, \"n\": %d, \"megabytes\": %.3f, "
      "\"ids\": %zu}\n",
      workload.megabytes() / median, workload.megabytes() / p95, samples, workload.megabytes(),
      ids);
}

int Main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: tokenizer_bench TOKENIZER TEXT [SAMPLES]\n");
    return 2;
  }
  const Workload workload(argv[1], argv[2]);
  const int samples = argc == 4 ? std::atoi(argv[3]) : 20;
  if (samples <= 0) {
    Serve(workload);
  } else {
    Measure(workload, samples);
  }
  return 0;
}

}  // namespace
}  // namespace hyprstream::bench

int main(int argc, char** argv) {
  try {
    return hyprstream::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tokenizer_bench: %s\n", error.what());
    return 1;
  }
}
