#include "text/template/budget.h"

#include <utility>

#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {

Budget::Budget(const TemplateLimits& limits)
    : limits_(limits), deadline_(std::chrono::steady_clock::now() + limits.time) {}

void Budget::Check() {
  if (steps_ > limits_.steps) RaiseLimit("the template does too much work");
  if (std::chrono::steady_clock::now() > deadline_) RaiseLimit("the template takes too long");
  next_check_ = steps_ + kCheckInterval;
}

void Budget::Charge(uint64_t bytes) {
  if (bytes > limits_.memory_bytes || live_ > limits_.memory_bytes - bytes) {
    RaiseLimit("the template needs too much memory");
  }
  live_ += bytes;
}

Charge::Charge(Charge&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Charge& Charge::operator=(Charge&& other) noexcept {
  if (this != &other) {
    Reset();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void Charge::Resize(uint64_t bytes) {
  if (budget_ == nullptr) return;
  if (bytes > bytes_) {
    budget_->Charge(bytes - bytes_);
  } else {
    budget_->Release(bytes_ - bytes);
  }
  bytes_ = bytes;
}

void Charge::Reset() {
  if (budget_ != nullptr) budget_->Release(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

Nesting::Nesting(int& depth, int limit) : depth_(depth) {
  if (depth >= limit) RaiseLimit("the template nests too deeply");
  ++depth_;
}

}  // namespace hyprstream::text::tmpl
