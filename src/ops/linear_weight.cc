#include "ops/linear_weight.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/pack.h"
#include "tensor/dequantize.h"

namespace hyprstream::ops {
namespace {

using Form = LinearWeight::Impl::Form;

void CheckMatrix(const TensorView& weight) {
  const Shape& shape = weight.shape;
  if (shape.rank() == 2 && shape[0] > 0 && shape[1] > 0) return;
  throw Error(ErrorCode::kInvalidArgument, {.message = "a linear weight must be a matrix",
                                            .expected = "[out_features, in_features]",
                                            .found = shape.ToString()});
}

std::vector<float> WidenBias(const TensorView& bias, int64_t out_features) {
  if (!IsFloat(bias.dtype) || bias.elements() != out_features) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "a bias must be one float per output",
                 .expected = std::to_string(out_features) + " elements of a float type",
                 .found = std::string(Name(bias.dtype)) + " " + bias.shape.ToString()});
  }
  std::vector<float> widened(static_cast<size_t>(out_features));
  DequantizeRow(bias.dtype, bias.bytes, widened);
  return widened;
}

Form ChooseForm(DType type, Arithmetic arithmetic) {
  if (type == DType::kF32 || type == DType::kF16 || type == DType::kBF16) return Form::kInPlace;
  if (IsQuantized(type) && arithmetic == Arithmetic::kServing) return Form::kPacked;
  if (IsFloat(type) || IsQuantized(type)) return Form::kWidened;
  throw Error(ErrorCode::kUnsupported,
              {.message = "weights of this type cannot be multiplied",
               .expected = "F32, F16, BF16, F8, F64 or one of Q4_0 to Q8_0, Q2_K to Q6_K, IQ4",
               .found = std::string(Name(type)),
               .hint = "convert the model to one of these types"});
}

int64_t Strips(int64_t rows) { return (rows + kernels::kStripRows - 1) / kernels::kStripRows; }

std::shared_ptr<std::byte> StripMemory(size_t bytes, SlabMemory* slabs) {
  if (slabs != nullptr) return slabs->Allocate(bytes);
  const auto alone = std::make_shared<AlignedBuffer>(bytes);
  return {alone, alone->data()};
}

}  // namespace

LinearWeight::LinearWeight(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LinearWeight::LinearWeight(LinearWeight&&) noexcept = default;
LinearWeight& LinearWeight::operator=(LinearWeight&&) noexcept = default;
LinearWeight::~LinearWeight() = default;

LinearWeight LinearWeight::Create(Context& context, TensorView weight,
                                  std::optional<TensorView> bias, Arithmetic arithmetic,
                                  SlabMemory* slabs) {
  CheckMatrix(weight);
  auto impl = std::make_unique<Impl>();
  impl->form = ChooseForm(weight.dtype, arithmetic);
  const int64_t rows = weight.rows();
  HYPR_CHECK(weight.bytes.size() == static_cast<uint64_t>(rows) * weight.row_bytes());
  impl->view = weight;
  impl->arithmetic = arithmetic;
  impl->weight_bytes = weight.bytes.size();
  if (bias.has_value()) impl->bias = WidenBias(*bias, rows);
  if (impl->form == Form::kPacked) {
    impl->strip_bytes = kernels::PackedStripBytes(static_cast<int64_t>(weight.row_bytes()));
    const int64_t strips = Strips(rows);
    const auto bytes = static_cast<size_t>(strips * impl->strip_bytes);
    impl->packed_here = StripMemory(bytes, slabs);
    impl->packed = {impl->packed_here.get(), bytes};
    context.pool.ParallelFor(strips, 1, [&](int64_t begin, int64_t end, int) {
      kernels::PackStrips(weight, begin, end, impl->packed_here.get());
    });
    impl->view.bytes = {};
  }
  return LinearWeight(std::move(impl));
}

LinearWeight LinearWeight::FromPacked(DType type, const Shape& shape,
                                      std::span<const std::byte> packed,
                                      std::optional<TensorView> bias) {
  CheckMatrix({type, shape, {}});
  const uint64_t expected = PackedBytes(type, shape);
  if (expected == 0 || packed.size() != expected) {
    throw Error(ErrorCode::kDataLoss, {.message = "packed weights that do not fit their shape",
                                       .expected = std::to_string(expected) + " bytes",
                                       .found = std::to_string(packed.size()) + " bytes for " +
                                                std::string(Name(type)) + " " + shape.ToString()});
  }
  const auto row_bytes = static_cast<int64_t>(*RowBytes(type, static_cast<uint64_t>(shape[1])));
  auto impl = std::make_unique<Impl>();
  impl->form = Form::kPacked;
  impl->view = {type, shape, {}};
  impl->strip_bytes = kernels::PackedStripBytes(row_bytes);
  impl->weight_bytes = static_cast<uint64_t>(shape[0] * row_bytes);
  HYPR_CHECK(reinterpret_cast<uintptr_t>(packed.data()) % AlignedBuffer::kAlignment == 0);
  impl->packed = packed;
  if (bias.has_value()) impl->bias = WidenBias(*bias, shape[0]);
  return LinearWeight(std::move(impl));
}

uint64_t LinearWeight::PackedBytes(DType type, const Shape& shape) {
  if (!IsQuantized(type) || ChooseForm(type, Arithmetic::kServing) != Form::kPacked) return 0;
  const std::optional<uint64_t> row_bytes = RowBytes(type, static_cast<uint64_t>(shape[1]));
  if (!row_bytes) return 0;
  return static_cast<uint64_t>(Strips(shape[0]) *
                               kernels::PackedStripBytes(static_cast<int64_t>(*row_bytes)));
}

std::string LinearWeight::PackedLayout(const Context& context) {
  return "v" + std::to_string(kernels::kPackedLayoutVersion) + "-" +
         std::string(kernels::IsaName(context.isa));
}

std::span<const std::byte> LinearWeight::packed() const { return impl_->packed; }

int64_t LinearWeight::in_features() const { return impl_->view.shape[1]; }
int64_t LinearWeight::out_features() const { return impl_->view.shape[0]; }
DType LinearWeight::dtype() const { return impl_->view.dtype; }
uint64_t LinearWeight::weight_bytes() const { return impl_->weight_bytes; }
uint64_t LinearWeight::owned_bytes() const {
  return impl_->packed.size() + impl_->bias.size() * sizeof(float);
}

}  // namespace hyprstream::ops
