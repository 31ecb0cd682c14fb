// The one linear operation that every weight matrix of a model uses: y = x Wᵀ + bias, plus the
// adapters of the rows. The weight keeps the quantisation of its file. Rows are independent: row i
// of the result has the same bits whatever other rows are in the batch and however many threads
// run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ops/adapter_view.h"
#include "ops/context.h"
#include "tensor/slab_memory.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// kServing: activations int8 for quantised weights, bf16 or f32 for float weights, whichever the
/// machine multiplies fastest. kExact: weights widened to f32, f32 arithmetic.
enum class Arithmetic { kServing, kExact };

/// An immutable weight [out_features, in_features], prepared for this machine.
/// Float weights are used where they lie (the view must outlive the object); quantised weights may
/// be repacked into memory of their own.
class LinearWeight {
 public:
  /// Errors: kUnsupported for a type that cannot be computed with, kInvalidArgument for a shape
  /// that is not a matrix. `bias` is [out_features], any float type. What is repacked lies in
  /// `slabs`, beside a model's other weights, or in memory of its own.
  static LinearWeight Create(Context& context, TensorView weight, std::optional<TensorView> bias,
                             Arithmetic arithmetic, SlabMemory* slabs = nullptr);
  /// From strips that packed() of the same type, shape and layout once gave; they must outlive the
  /// object and be 64-byte aligned. Errors: kDataLoss when their size is not PackedBytes.
  static LinearWeight FromPacked(DType type, const Shape& shape, std::span<const std::byte> packed,
                                 std::optional<TensorView> bias);
  /// Bytes of packed() for a weight of this type and shape; 0 when such a weight is never packed.
  static uint64_t PackedBytes(DType type, const Shape& shape);
  /// Names the order of bytes in packed(): equal names, interchangeable bytes.
  static std::string PackedLayout(const Context& context);
  LinearWeight(LinearWeight&&) noexcept;
  LinearWeight& operator=(LinearWeight&&) noexcept;
  ~LinearWeight();

  int64_t in_features() const;
  int64_t out_features() const;
  DType dtype() const;
  /// Bytes read by one pass over the weight.
  uint64_t weight_bytes() const;
  /// Bytes of memory beside the view it was made from: strips and bias (0 when it only refers to
  /// the view).
  uint64_t owned_bytes() const;
  /// The strips; empty for a weight that is multiplied where it lies.
  std::span<const std::byte> packed() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit LinearWeight(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct LinearCall {
  const LinearWeight* weight;
  Matrix y;                                  // [rows, out_features], overwritten
  std::span<const AdapterSegment> adapters;  // of this weight, for rows of x
};

/// Several weights over the same x [rows, in_features] (q, k and v; gate and up): x is prepared
/// once and all of it is one parallel region. No y may overlap x or another y.
void Linear(Context& context, ConstMatrix x, std::span<const LinearCall> calls);

}  // namespace hyprstream::ops
