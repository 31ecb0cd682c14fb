// What a key or an adapter may take: how many requests, tokens and samples over a minute or a day,
// and how many requests at the same time, written as words such as "rpm=60". Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hyprstream::server {

enum class QuotaKind { kRequests, kTokens, kSamples };
/// kNow: at the same time; of requests alone.
enum class QuotaPeriod { kMinute, kDay, kNow };

/// "requests", "tokens", "samples".
std::string_view QuotaKindName(QuotaKind kind);
/// "minute", "day", "now".
std::string_view QuotaPeriodName(QuotaPeriod period);

struct QuotaAmounts {
  int64_t requests = 0;
  int64_t tokens = 0;
  int64_t samples = 0;

  int64_t of(QuotaKind kind) const;
};

/// One limit that can be set.
struct QuotaWord {
  std::string_view name;  // "rpm"
  QuotaKind kind;
  QuotaPeriod period;
};
inline constexpr auto kQuotaWords = std::to_array<QuotaWord>({
    {"rpm", QuotaKind::kRequests, QuotaPeriod::kMinute},
    {"rpd", QuotaKind::kRequests, QuotaPeriod::kDay},
    {"tpm", QuotaKind::kTokens, QuotaPeriod::kMinute},
    {"tpd", QuotaKind::kTokens, QuotaPeriod::kDay},
    {"spm", QuotaKind::kSamples, QuotaPeriod::kMinute},
    {"spd", QuotaKind::kSamples, QuotaPeriod::kDay},
    {"parallel", QuotaKind::kRequests, QuotaPeriod::kNow},
});

/// In the order of kQuotaWords; what has no limit is nothing.
struct QuotaLimits {
  std::array<std::optional<int64_t>, kQuotaWords.size()> most = {};

  bool any() const;
  bool operator==(const QuotaLimits&) const = default;
};

/// Takes a word such as "tpm=20000" or "tpd=2M" into `limits`. False: it is none of kQuotaWords.
/// Errors: kInvalidArgument for a value that is no whole number, or a word that comes twice.
bool ReadQuotaWord(std::string_view word, QuotaLimits& limits);

struct AdapterQuotas {
  QuotaLimits otherwise;  // of each adapter that is not named
  std::map<std::string, QuotaLimits, std::less<>> named;
};

/// Lines of "NAME rpm=60 tpm=20000 …", NAME "*" for every adapter that has no line of its own;
/// empty lines and lines that begin with '#' are skipped. What an earlier text said of the same
/// name is replaced. Errors: kInvalidArgument with the line and `where`.
void ReadAdapterQuotas(std::string_view text, std::string_view where, AdapterQuotas& quotas);

}  // namespace hyprstream::server
