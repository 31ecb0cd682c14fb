// The quotas on the page for Prometheus.
#pragma once

#include "server/metrics.h"
#include "server/quota_ledger.h"

namespace hyprstream::server {

/// hyprstream_quota_limit, _used and _refused_total, by key or adapter, kind and period. At most
/// 1000 limits are told.
void WriteQuotas(MetricsPage& page, QuotaLedger& quotas);

}  // namespace hyprstream::server
