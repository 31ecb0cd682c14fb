#include "tensor/shape.h"

#include <algorithm>

#include "base/error.h"

namespace hyprstream {

Shape::Shape(std::initializer_list<int64_t> extents)
    : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  HYPR_CHECK(extents.size() <= kMaxRank);
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

int64_t Shape::operator[](int dimension) const {
  const int index = dimension < 0 ? dimension + rank_ : dimension;
  HYPR_CHECK(index >= 0 && index < rank_);
  return extents_[static_cast<size_t>(index)];
}

std::optional<int64_t> Shape::CheckedElements() const {
  int64_t product = 1;
  bool overflow = false;
  for (const int64_t extent : extents()) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) return 0;
    overflow = overflow || __builtin_mul_overflow(product, extent, &product);
  }
  if (overflow) return std::nullopt;
  return product;
}

int64_t Shape::elements() const {
  const std::optional<int64_t> count = CheckedElements();
  HYPR_CHECK(count.has_value());
  return *count;
}

bool operator==(const Shape& a, const Shape& b) {
  return std::ranges::equal(a.extents(), b.extents());
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string((*this)[i]);
  }
  return text + "]";
}

}  // namespace hyprstream
