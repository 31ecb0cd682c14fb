// What is counted while serving, and how it is written down for Prometheus. Counting is cheap and
// thread-safe; nothing here blocks who counts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/request.h"

namespace hyprstream::server {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Counts of values by upper bound. `bounds` ascend and outlive the histogram.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}

  void Observe(double value);
  void Observe(std::chrono::nanoseconds time) {
    Observe(std::chrono::duration<double>(time).count());
  }

  struct Snapshot {
    std::vector<uint64_t> cumulative;  // for each bound, then for infinity
    double sum = 0;
  };
  Snapshot Read() const;
  std::span<const double> bounds() const { return bounds_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

/// The text format 0.0.4. Samples of one family are added one after the other.
class MetricsPage {
 public:
  /// `type`: "counter", "gauge", "histogram".
  void Family(std::string_view name, std::string_view type, std::string_view help);
  void Sample(const Labels& labels, double value);
  void Sample(const Labels& labels, const Histogram& histogram);
  std::string Take() { return std::move(text_); }

 private:
  void Line(std::string_view suffix, const Labels& labels, const Labels& more, double value);

  std::string family_;
  std::string text_;
};

/// Of the requests to one model.
struct ModelMetrics {
  ModelMetrics();

  /// What a finished generation has taken; `asked` is its max_tokens.
  void Finished(const engine::Finished& finished);

  std::atomic<int64_t> in_flight{0};
  Histogram time_to_first_token;
  Histogram inter_token;
  Histogram end_to_end;
  Histogram queued;
  Histogram prefill;
  Histogram decode;
  Histogram inference;
  Histogram time_per_token;
  Histogram prompt_tokens;
  Histogram generated_tokens;
  Histogram choices;
  std::atomic<int64_t> stopped{0};
  std::atomic<int64_t> ended_by_length{0};
  std::atomic<int64_t> aborted{0};
  std::atomic<int64_t> failed{0};

  /// Adapters of the requests in flight, by name with version.
  void Enter(const std::string& adapters);
  void Leave(const std::string& adapters);
  std::vector<std::string> Adapters() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int64_t> adapters_;  // guarded by mutex_
};

/// Of all exchanges, by route, method and status: small closed sets.
class HttpMetrics {
 public:
  HttpMetrics();
  void Observe(const std::string& route, const std::string& method, int status,
               std::chrono::nanoseconds time);
  void Write(MetricsPage& page) const;

 private:
  struct Key {
    std::string route;
    std::string method;
    int status;
    auto operator<=>(const Key&) const = default;
  };
  mutable std::mutex mutex_;
  std::map<Key, uint64_t> requests_;  // guarded by mutex_
  Histogram duration_;
};

/// Of this process, by the names of the standard client libraries.
void WriteProcessMetrics(MetricsPage& page);

}  // namespace hyprstream::server
