#include "server/quota.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "base/error.h"

namespace hyprstream::server {
namespace {

constexpr int64_t kMost = 1'000'000'000'000'000;  // far from overflow, whatever is added up

std::optional<int64_t> ParseCount(std::string_view text) {
  int64_t factor = 1;
  if (text.ends_with('k')) factor = 1'000;
  if (text.ends_with('M')) factor = 1'000'000;
  if (factor > 1) text.remove_suffix(1);
  int64_t count = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = status == std::errc() && end == text.data() + text.size();
  if (!whole || count < 0 || count > kMost / factor) return std::nullopt;
  return count * factor;
}

std::string KnownWords() {
  std::string words;
  for (const QuotaWord& word : kQuotaWords) {
    words += (words.empty() ? "" : ", ") + std::string(word.name) + "=N";
  }
  return words;
}

/// The name and its limits; nothing for a line that says nothing.
std::optional<std::pair<std::string, QuotaLimits>> ParseLine(const std::string& line) {
  std::istringstream words(line);
  std::string name;
  if (!(words >> name) || name.starts_with('#')) return std::nullopt;
  QuotaLimits limits;
  const bool forgotten = ReadQuotaWord(name, limits);
  for (std::string word; !forgotten && words >> word;) {
    if (ReadQuotaWord(word, limits)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "not a limit", .expected = KnownWords(), .found = "\"" + word + "\""});
  }
  if (!forgotten && limits.any()) return std::pair(name, limits);
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "an adapter's limits are incomplete",
               .expected = "NAME or *, then at least one of " + KnownWords(),
               .found = "\"" + line + "\""});
}

}  // namespace

std::string_view QuotaKindName(QuotaKind kind) {
  switch (kind) {
    case QuotaKind::kRequests:
      return "requests";
    case QuotaKind::kTokens:
      return "tokens";
    case QuotaKind::kSamples:
      return "samples";
  }
  return "";
}

std::string_view QuotaPeriodName(QuotaPeriod period) {
  switch (period) {
    case QuotaPeriod::kMinute:
      return "minute";
    case QuotaPeriod::kDay:
      return "day";
    case QuotaPeriod::kNow:
      return "now";
  }
  return "";
}

int64_t QuotaAmounts::of(QuotaKind kind) const {
  switch (kind) {
    case QuotaKind::kRequests:
      return requests;
    case QuotaKind::kTokens:
      return tokens;
    case QuotaKind::kSamples:
      return samples;
  }
  return 0;
}

bool QuotaLimits::any() const {
  return std::ranges::any_of(most, [](const auto& limit) { return limit.has_value(); });
}

bool ReadQuotaWord(std::string_view word, QuotaLimits& limits) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = word.substr(0, equals);
  const auto known = std::ranges::find(kQuotaWords, name, &QuotaWord::name);
  if (known == kQuotaWords.end()) return false;
  std::optional<int64_t>& limit = limits.most[static_cast<size_t>(known - kQuotaWords.begin())];
  if (limit) {
    throw Error(ErrorCode::kInvalidArgument, {.message = std::string(name) + "= comes twice"});
  }
  limit = ParseCount(word.substr(equals + 1));
  if (limit) return true;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "wrong value for " + std::string(name) + "=",
               .expected = "a whole number such as 500, 20k or 2M",
               .found = "\"" + std::string(word.substr(equals + 1)) + "\""});
}

void ReadAdapterQuotas(std::string_view text, std::string_view where, AdapterQuotas& quotas) {
  std::istringstream lines{std::string(text)};
  std::set<std::string> seen;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    try {
      auto parsed = ParseLine(line);
      if (!parsed) continue;
      auto& [name, limits] = *parsed;
      if (!seen.insert(name).second) {
        throw Error(ErrorCode::kInvalidArgument,
                    {.message = "the limits of \"" + name + "\" come twice"});
      }
      (name == "*" ? quotas.otherwise : quotas.named[name]) = limits;
    } catch (const Error& error) {
      throw error.Within(std::string(where) + ", line " + std::to_string(number));
    }
  }
}

}  // namespace hyprstream::server
