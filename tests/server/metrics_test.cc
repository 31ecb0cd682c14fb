#include "server/metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace hyprstream::server {
namespace {

constexpr auto kBounds = std::to_array<double>({0.5, 1, 10});

TEST(Histogram, CountsValuesUpToEachBound) {
  Histogram histogram(kBounds);
  for (const double value : {0.1, 0.5, 0.7, 1.0, 100.0}) histogram.Observe(value);
  const Histogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.cumulative, (std::vector<uint64_t>{2, 4, 4, 5}));
  EXPECT_DOUBLE_EQ(snapshot.sum, 102.3);
}

TEST(MetricsPage, IsWrittenAsPrometheusReadsIt) {
  MetricsPage page;
  page.Family("requests_total", "counter", "All of them.");
  page.Sample({}, 3);
  page.Family("share", "gauge", "A part.");
  page.Sample({{"name", "a\"b\\c\nd"}, {"kind", "x"}}, 0.25);
  page.Sample({{"name", "e"}, {"kind", "y"}}, std::numeric_limits<double>::infinity());
  Histogram histogram(kBounds);
  histogram.Observe(0.7);
  page.Family("time_seconds", "histogram", "How long.");
  page.Sample({{"model", "m"}}, histogram);
  EXPECT_EQ(page.Take(),
            "# HELP requests_total All of them.\n"
            "# TYPE requests_total counter\n"
            "requests_total 3\n"
            "# HELP share A part.\n"
            "# TYPE share gauge\n"
            "share{name=\"a\\\"b\\\\c\\nd\",kind=\"x\"} 0.25\n"
            "share{name=\"e\",kind=\"y\"} +Inf\n"
            "# HELP time_seconds How long.\n"
            "# TYPE time_seconds histogram\n"
            "time_seconds_bucket{model=\"m\",le=\"0.5\"} 0\n"
            "time_seconds_bucket{model=\"m\",le=\"1.0\"} 1\n"
            "time_seconds_bucket{model=\"m\",le=\"10.0\"} 1\n"
            "time_seconds_bucket{model=\"m\",le=\"+Inf\"} 1\n"
            "time_seconds_sum{model=\"m\"} 0.7\n"
            "time_seconds_count{model=\"m\"} 1\n");
}

TEST(ModelMetrics, KnowsTheAdaptersInFlight) {
  ModelMetrics metrics;
  metrics.Enter("tone@1");
  metrics.Enter("tone@1");
  metrics.Enter("base");
  metrics.Leave("tone@1");
  EXPECT_EQ(metrics.Adapters(), (std::vector<std::string>{"base", "tone@1"}));
  metrics.Leave("tone@1");
  EXPECT_EQ(metrics.Adapters(), std::vector<std::string>{"base"});
  EXPECT_EQ(metrics.in_flight, 1);
}

}  // namespace
}  // namespace hyprstream::server
