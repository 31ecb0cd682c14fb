#include "base/memory_budget.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace hyprstream {
namespace {

size_t Index(MemoryUse use) { return static_cast<size_t>(use); }

uint64_t Sum(const std::array<uint64_t, kMemoryUses>& held) {
  return std::accumulate(held.begin(), held.end(), uint64_t{0});
}

}  // namespace

std::string FormatBytes(Bytes bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes.value);
  size_t unit = 0;
  while (value >= 1024.0 && unit + 1 < std::size(kUnits)) {
    value /= 1024.0;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                kUnits[unit]);
  return text;
}

Bytes ParseBytes(std::string_view text) {
  const auto fail = [&]() -> Error {
    return Error(ErrorCode::kInvalidArgument,
                 {.message = "cannot read a size in bytes",
                  .expected = "a number with an optional unit, such as 300M, 1.5G or 4GiB",
                  .found = "\"" + std::string(text) + "\""});
  };
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || !std::isfinite(value) || value < 0) throw fail();
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double scale = 1;
  if (!unit.empty()) {
    static constexpr std::string_view kLetters = "kmgt";
    const char letter = static_cast<char>(unit[0] | 0x20);
    const size_t power = kLetters.find(letter);
    const std::string_view rest = power == std::string_view::npos ? unit : unit.substr(1);
    if (rest != "" && rest != "B" && rest != "b" && (rest != "iB" || rest.size() == unit.size())) {
      throw fail();
    }
    if (power != std::string_view::npos) scale = std::ldexp(1.0, 10 * static_cast<int>(power + 1));
  }
  if (value * scale >= 9.2e18) throw fail();
  return {static_cast<uint64_t>(value * scale)};
}

std::string_view MemoryUseName(MemoryUse use) {
  switch (use) {
    case MemoryUse::kWeights:
      return "weights";
    case MemoryUse::kCache:
      return "cache";
    case MemoryUse::kScratch:
      return "scratch";
    case MemoryUse::kAdapters:
      return "adapters";
    case MemoryUse::kTraining:
      return "training";
  }
  return "unknown";
}

void MemoryBudget::Reserve(MemoryUse use, Bytes bytes, std::string_view what) {
  const std::lock_guard lock(mutex_);
  const uint64_t held = Sum(held_);
  if (limit_.value != 0 && (held > limit_.value || bytes.value > limit_.value - held)) {
    const Bytes free{held > limit_.value ? 0 : limit_.value - held};
    throw Error(ErrorCode::kResourceExhausted,
                {.message = std::string(what) + " does not fit in the memory limit",
                 .expected = "at most " + FormatBytes(free) + " (limit " + FormatBytes(limit_) +
                             ", held " + FormatBytes({held}) + ")",
                 .found = FormatBytes(bytes),
                 .hint = "a limit of " + FormatBytes({held + bytes.value}) + " would fit"});
  }
  held_[Index(use)] += bytes.value;
}

void MemoryBudget::Release(MemoryUse use, Bytes bytes) {
  const std::lock_guard lock(mutex_);
  HYPR_CHECK(held_[Index(use)] >= bytes.value);
  held_[Index(use)] -= bytes.value;
}

Bytes MemoryBudget::held() const {
  const std::lock_guard lock(mutex_);
  return {Sum(held_)};
}

Bytes MemoryBudget::held(MemoryUse use) const {
  const std::lock_guard lock(mutex_);
  return {held_[Index(use)]};
}

Bytes MemoryBudget::available() const {
  if (limit_.value == 0) return {std::numeric_limits<uint64_t>::max()};
  const std::lock_guard lock(mutex_);
  const uint64_t held = Sum(held_);
  return {held > limit_.value ? 0 : limit_.value - held};
}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  if (budget_ != nullptr) budget_->Release(use_, bytes_);
  budget_ = std::exchange(other.budget_, nullptr);
  use_ = other.use_;
  bytes_ = std::exchange(other.bytes_, Bytes{});
  return *this;
}

Reservation::~Reservation() {
  if (budget_ != nullptr) budget_->Release(use_, bytes_);
}

}  // namespace hyprstream
