// Extents of a tensor, slowest dimension first (PyTorch order). At most eight dimensions; none is a
// scalar.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace hyprstream {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents);
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  /// Negative indices count from the end.
  int64_t operator[](int dimension) const;
  std::span<const int64_t> extents() const { return {extents_.data(), static_cast<size_t>(rank_)}; }

  /// Product of the extents; nothing when it does not fit in an int64.
  std::optional<int64_t> CheckedElements() const;
  int64_t elements() const;

  friend bool operator==(const Shape& a, const Shape& b);
  /// "[2, 3]"
  std::string ToString() const;

 private:
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace hyprstream
