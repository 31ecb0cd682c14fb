// What the process holds, by purpose, against one limit. Every large buffer (weights, cache,
// scratch) is reserved here before it is allocated, so that the limit is refused with an error that
// says what would fit instead of an out-of-memory kill. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace hyprstream {

/// A count of bytes; a type of its own so that it cannot be mixed up with tokens or elements.
struct Bytes {
  uint64_t value = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
  friend Bytes operator+(Bytes a, Bytes b) { return {a.value + b.value}; }
};

/// "1.5 GiB", "312 MiB", "17 B".
std::string FormatBytes(Bytes bytes);

/// Parses "300M", "1.5G", "4GiB", "1048576"; K, M, G, T are powers of 1024. Errors:
/// kInvalidArgument.
Bytes ParseBytes(std::string_view text);

enum class MemoryUse { kWeights, kCache, kScratch, kAdapters, kTraining };
inline constexpr int kMemoryUses = 5;
std::string_view MemoryUseName(MemoryUse use);

class MemoryBudget {
 public:
  /// A limit of 0 means none.
  explicit MemoryBudget(Bytes limit = {}) : limit_(limit) {}

  /// Errors: kResourceExhausted naming `what`, its size, the limit, what is held, and what would
  /// fit.
  void Reserve(MemoryUse use, Bytes bytes, std::string_view what);
  void Release(MemoryUse use, Bytes bytes);

  Bytes limit() const { return limit_; }
  Bytes held() const;
  Bytes held(MemoryUse use) const;
  /// What can still be reserved; the largest number there is when there is no limit.
  Bytes available() const;

 private:
  const Bytes limit_;
  mutable std::mutex mutex_;
  std::array<uint64_t, kMemoryUses> held_{};
};

/// Releases its reservation when it goes away.
class Reservation {
 public:
  Reservation() = default;
  Reservation(MemoryBudget& budget, MemoryUse use, Bytes bytes, std::string_view what)
      : budget_(&budget), use_(use), bytes_(bytes) {
    budget.Reserve(use, bytes, what);
  }
  Reservation(Reservation&& other) noexcept { *this = std::move(other); }
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();

  Bytes bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_ = nullptr;
  MemoryUse use_ = MemoryUse::kScratch;
  Bytes bytes_;
};

}  // namespace hyprstream
