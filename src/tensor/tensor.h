// TensorView: a type, a shape and borrowed row-major bytes (no strides, any alignment).
// Tensor: the same with bytes of its own, 64-byte aligned.
// Matrix views: f32 activations between operations, rows contiguous, `stride` floats apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/error.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace hyprstream {

struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  std::span<const std::byte> bytes;

  int64_t elements() const { return shape.elements(); }
  /// All dimensions but the last, multiplied: a [2, 3, 4] tensor has 6 rows of 4.
  int64_t rows() const;
  int64_t cols() const { return shape.rank() == 0 ? 1 : shape[-1]; }
  uint64_t row_bytes() const;
  std::span<const std::byte> row(int64_t index) const;
  /// Rows [begin, begin + count) as a matrix [count, cols].
  TensorView Rows(int64_t begin, int64_t count) const;

  /// The elements as T. The view must hold that many bytes of it and be aligned for it.
  template <typename T>
  std::span<const T> As() const {
    HYPR_CHECK(reinterpret_cast<uintptr_t>(bytes.data()) % alignof(T) == 0);
    HYPR_CHECK(bytes.size() == static_cast<size_t>(elements()) * sizeof(T));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

/// Memory of its own, aligned to a cache line (and to an AVX-512 vector), zeroed. Move only.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;

  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* pointer) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

class Tensor {
 public:
  Tensor() = default;
  /// Zeroed. The last extent must be a multiple of the type's block.
  Tensor(DType dtype, Shape shape);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  TensorView view() const { return {dtype_, shape_, {buffer_.data(), buffer_.size()}}; }
  template <typename T>
  std::span<T> As() {
    HYPR_CHECK(buffer_.size() == static_cast<size_t>(shape_.elements()) * sizeof(T));
    return {buffer_.as<T>(), static_cast<size_t>(shape_.elements())};
  }
  template <typename T>
  std::span<const T> As() const {
    return view().As<T>();
  }

 private:
  DType dtype_ = DType::kF32;
  Shape shape_;
  AlignedBuffer buffer_;
};

/// f32 activations [rows, cols]; row i begins at data + i * stride.
struct ConstMatrix {
  const float* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  const float* row(int64_t i) const { return data + i * stride; }
};

struct Matrix {
  float* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  float* row(int64_t i) const { return data + i * stride; }
  operator ConstMatrix() const { return {data, rows, cols, stride}; }
  Matrix Rows(int64_t begin, int64_t count) const { return {row(begin), count, cols, stride}; }
  Matrix Cols(int64_t begin, int64_t count) const { return {data + begin, rows, count, stride}; }
};

/// An f32 tensor [rows, cols] as a matrix, borrowed.
inline ConstMatrix MatrixOf(const Tensor& tensor) {
  const int64_t cols = tensor.shape()[1];
  return {tensor.As<float>().data(), tensor.shape()[0], cols, cols};
}
inline Matrix MatrixOf(Tensor& tensor) {
  const int64_t cols = tensor.shape()[1];
  return {tensor.As<float>().data(), tensor.shape()[0], cols, cols};
}

}  // namespace hyprstream
