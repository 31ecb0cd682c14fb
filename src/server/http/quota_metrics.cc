#include "server/http/quota_metrics.h"

#include <string>

namespace hyprstream::server {
namespace {

constexpr size_t kMostLimits = 1000;  // adapters can be made while it serves

Labels LabelsOf(const QuotaLedger::Reading& reading) {
  return {{"subject", std::string(QuotaSubjectName(reading.subject.kind))},
          {"name", reading.subject.name},
          {"kind", std::string(QuotaKindName(reading.kind))},
          {"period", std::string(QuotaPeriodName(reading.period))}};
}

}  // namespace

void WriteQuotas(MetricsPage& page, QuotaLedger& quotas) {
  std::vector<QuotaLedger::Reading> readings = quotas.Read();
  if (readings.empty()) return;
  if (readings.size() > kMostLimits) readings.resize(kMostLimits);
  const auto family = [&](const char* name, const char* type, const char* help,
                          int64_t QuotaLedger::Reading::*value) {
    page.Family(name, type, help);
    for (const QuotaLedger::Reading& reading : readings) {
      page.Sample(LabelsOf(reading), static_cast<double>(reading.*value));
    }
  };
  family("hyprstream_quota_limit", "gauge", "What a key or an adapter may use.",
         &QuotaLedger::Reading::limit);
  family("hyprstream_quota_used", "gauge", "What it has used of it, with what is reserved.",
         &QuotaLedger::Reading::used);
  family("hyprstream_quota_refused_total", "counter", "Requests that a limit has refused.",
         &QuotaLedger::Reading::refused);
}

}  // namespace hyprstream::server
