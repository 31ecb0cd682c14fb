#include "server/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hyprstream::server {
namespace {

// As vLLM has them, so that its dashboards work.
constexpr auto kFirstToken =
    std::to_array<double>({.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                           1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560});
constexpr auto kBetweenTokens = std::to_array<double>(
    {.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80});
constexpr auto kWholeRequest = std::to_array<double>(
    {.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680});
constexpr auto kTokens = std::to_array<double>(
    {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000});
constexpr auto kChoices = std::to_array<double>({1, 2, 5, 10, 20});
constexpr auto kExchange =
    std::to_array<double>({.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60});

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 64> text{};
  const bool whole = std::abs(value) < 1e15 && value == std::floor(value);
  const auto end =
      whole ? std::to_chars(text.data(), text.data() + text.size(), static_cast<int64_t>(value))
            : std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

/// "1.0", as the Python client spells bounds: consumers compare them as text.
std::string BoundText(double bound) {
  std::string text = NumberText(bound);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

void Histogram::Observe(double value) {
  const auto at = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot;
  uint64_t total = 0;
  for (const auto& count : counts_) {
    total += count.load(std::memory_order_relaxed);
    snapshot.cumulative.push_back(total);
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

void MetricsPage::Family(std::string_view name, std::string_view type, std::string_view help) {
  family_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void MetricsPage::Line(std::string_view suffix, const Labels& labels, const Labels& more,
                       double value) {
  text_.append(family_).append(suffix);
  char before = '{';
  for (const Labels* part : {&labels, &more}) {
    for (const auto& [name, text] : *part) {
      text_ += before;
      text_.append(name).append("=\"");
      AppendEscaped(text_, text);
      text_ += '"';
      before = ',';
    }
  }
  if (before == ',') text_ += '}';
  text_.append(" ").append(NumberText(value)).append("\n");
}

void MetricsPage::Sample(const Labels& labels, double value) { Line("", labels, {}, value); }

void MetricsPage::Sample(const Labels& labels, const Histogram& histogram) {
  const Histogram::Snapshot snapshot = histogram.Read();
  for (size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    const std::string bound =
        i < histogram.bounds().size() ? BoundText(histogram.bounds()[i]) : "+Inf";
    Line("_bucket", labels, {{"le", bound}}, static_cast<double>(snapshot.cumulative[i]));
  }
  Line("_sum", labels, {}, snapshot.sum);
  Line("_count", labels, {}, static_cast<double>(snapshot.cumulative.back()));
}

ModelMetrics::ModelMetrics()
    : time_to_first_token(kFirstToken),
      inter_token(kBetweenTokens),
      end_to_end(kWholeRequest),
      queued(kWholeRequest),
      prefill(kWholeRequest),
      decode(kWholeRequest),
      inference(kWholeRequest),
      time_per_token(kBetweenTokens),
      prompt_tokens(kTokens),
      generated_tokens(kTokens),
      choices(kChoices) {}

void ModelMetrics::Finished(const engine::Finished& finished) {
  switch (finished.reason) {
    case engine::FinishReason::kStop:
      ++stopped;
      break;
    case engine::FinishReason::kLength:
      ++ended_by_length;
      break;
    case engine::FinishReason::kCancelled:
      ++aborted;
      return;
    case engine::FinishReason::kError:
      ++failed;
      return;
  }
  const engine::Usage& usage = finished.usage;
  queued.Observe(usage.queued);
  prefill.Observe(usage.prefill);
  decode.Observe(usage.decode);
  inference.Observe(usage.prefill + usage.decode);
  end_to_end.Observe(usage.queued + usage.prefill + usage.decode);
  prompt_tokens.Observe(static_cast<double>(usage.prompt_tokens));
  generated_tokens.Observe(static_cast<double>(usage.generated_tokens));
  if (usage.generated_tokens > 1)
    time_per_token.Observe(usage.decode / (usage.generated_tokens - 1));
}

void ModelMetrics::Enter(const std::string& adapters) {
  ++in_flight;
  const std::lock_guard lock(mutex_);
  ++adapters_[adapters];
}

void ModelMetrics::Leave(const std::string& adapters) {
  --in_flight;
  const std::lock_guard lock(mutex_);
  const auto found = adapters_.find(adapters);
  if (found != adapters_.end() && --found->second == 0) adapters_.erase(found);
}

std::vector<std::string> ModelMetrics::Adapters() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, count] : adapters_) names.push_back(name);
  return names;
}

HttpMetrics::HttpMetrics() : duration_(kExchange) {}

void HttpMetrics::Observe(const std::string& route, const std::string& method, int status,
                          std::chrono::nanoseconds time) {
  duration_.Observe(time);
  const std::lock_guard lock(mutex_);
  ++requests_[{route, method, status}];
}

void HttpMetrics::Write(MetricsPage& page) const {
  page.Family("http_requests_total", "counter", "Exchanges that have ended.");
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, count] : requests_) {
      page.Sample(
          {{"method", key.method}, {"handler", key.route}, {"status", std::to_string(key.status)}},
          static_cast<double>(count));
    }
  }
  page.Family("http_request_duration_seconds", "histogram", "From a whole request to its reply.");
  page.Sample({}, duration_);
}

}  // namespace hyprstream::server
