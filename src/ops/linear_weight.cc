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

}  // namespace

LinearWeight::LinearWeight(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LinearWeight::LinearWeight(LinearWeight&&) noexcept = default;
LinearWeight& LinearWeight::operator=(LinearWeight&&) noexcept = default;
LinearWeight::~LinearWeight() = default;

LinearWeight LinearWeight::Create(Context& context, TensorView weight,
                                  std::optional<TensorView> bias, Arithmetic arithmetic) {
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
    const int64_t strips = (rows + kernels::kStripRows - 1) / kernels::kStripRows;
    impl->packed = AlignedBuffer(static_cast<size_t>(strips * impl->strip_bytes));
    context.pool.ParallelFor(strips, 1, [&](int64_t begin, int64_t end, int) {
      kernels::PackStrips(weight, begin, end, impl->packed.data());
    });
    impl->view.bytes = {};
  }
  return LinearWeight(std::move(impl));
}

int64_t LinearWeight::in_features() const { return impl_->view.shape[1]; }
int64_t LinearWeight::out_features() const { return impl_->view.shape[0]; }
DType LinearWeight::dtype() const { return impl_->view.dtype; }
uint64_t LinearWeight::weight_bytes() const { return impl_->weight_bytes; }
uint64_t LinearWeight::owned_bytes() const {
  return impl_->packed.size() + impl_->bias.size() * sizeof(float);
}

}  // namespace hyprstream::ops
