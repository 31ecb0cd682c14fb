// What one compilation or rendering may still use: steps of work, bytes alive, time. Everything
// that loops or allocates on behalf of a template asks here first. One thread; outlives every value
// that was charged to it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hyprstream::text {

struct TemplateLimits {
  std::chrono::milliseconds time{500};
  uint64_t steps = 2'000'000;
  uint64_t memory_bytes = 32u << 20;
  uint64_t output_bytes = 4u << 20;
  int depth = 200;
  uint64_t source_bytes = 1u << 20;
};

namespace tmpl {

class Budget {
 public:
  explicit Budget(const TemplateLimits& limits);
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  const TemplateLimits& limits() const { return limits_; }

  /// Counts work. Errors: TemplateError kLimit.
  void Step(uint64_t count = 1) {
    steps_ += count;
    if (steps_ >= next_check_) Check();
  }
  /// Counts the work of touching `count` bytes.
  void Touch(uint64_t count) { Step(count / kBytesPerStep); }

  /// Bytes that stay until Release. Errors: TemplateError kLimit, and then nothing was charged.
  void Charge(uint64_t bytes);
  void Release(uint64_t bytes) { live_ -= bytes; }
  uint64_t live() const { return live_; }

 private:
  static constexpr uint64_t kBytesPerStep = 32;
  static constexpr uint64_t kCheckInterval = 512;
  void Check();

  TemplateLimits limits_;
  std::chrono::steady_clock::time_point deadline_;
  uint64_t steps_ = 0;
  uint64_t next_check_ = kCheckInterval;
  uint64_t live_ = 0;
};

/// Bytes charged for as long as this lives.
class Charge {
 public:
  Charge() = default;
  Charge(Budget& budget, uint64_t bytes) : budget_(&budget), bytes_(bytes) { budget.Charge(bytes); }
  Charge(Charge&& other) noexcept;
  Charge& operator=(Charge&& other) noexcept;
  ~Charge() { Reset(); }
  /// Grows or shrinks to `bytes`.
  void Resize(uint64_t bytes);
  void Reset();

 private:
  Budget* budget_ = nullptr;
  uint64_t bytes_ = 0;
};

/// One level of nesting, for as long as this lives. Errors: TemplateError kLimit.
class Nesting {
 public:
  Nesting(int& depth, int limit);
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  int& depth_;
};

}  // namespace tmpl
}  // namespace hyprstream::text
