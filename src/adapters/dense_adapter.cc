#include "adapters/dense_adapter.h"

#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "tensor/dequantize.h"

namespace hyprstream::adapters {
namespace {

[[noreturn]] void FailNumber(const std::string& tensor, double found) {
  throw Error(ErrorCode::kDataLoss, {.message = "the adapter's values are out of range",
                                     .expected = "finite numbers after scaling",
                                     .found = std::to_string(found),
                                     .where = tensor});
}

Tensor PrepareA(const formats::PeftModule& module) {
  Tensor wide = DequantizeToF32(module.a);
  for (const float value : wide.As<float>()) {
    if (!std::isfinite(value)) FailNumber(module.path + ".lora_A", static_cast<double>(value));
  }
  return wide;
}

/// B [out, rank] as rows of columns [rank, out], times the scale.
Tensor PrepareB(const Place& place, const formats::PeftModule& module) {
  const Tensor wide = DequantizeToF32(module.b);
  const std::span<const float> b = wide.As<float>();
  Tensor out(DType::kF32, {module.rank, place.shape.out});
  const std::span<float> values = out.As<float>();
  for (int64_t row = 0; row < place.shape.out; ++row) {
    for (int64_t r = 0; r < module.rank; ++r) {
      const double scaled =
          static_cast<double>(b[static_cast<size_t>(row * module.rank + r)]) * module.scale;
      const auto value = static_cast<float>(scaled);
      if (!std::isfinite(value)) FailNumber(module.path + ".lora_B", scaled);
      values[static_cast<size_t>(r * place.shape.out + row)] = value;
    }
  }
  return out;
}

void HashModule(Sha256& hash, const formats::PeftModule& module, const Tensor& a, const Tensor& b) {
  const std::string head = module.path + "\n" + std::to_string(module.rank) + "\n";
  hash.Update(std::as_bytes(std::span(head)));
  hash.Update(a.view().bytes);
  hash.Update(b.view().bytes);
}

}  // namespace

std::shared_ptr<const DenseAdapter> DenseAdapter::Create(
    std::span<const formats::PeftModule> modules, const Places& places,
    const model::ModelConfig& config) {
  std::shared_ptr<DenseAdapter> adapter(new DenseAdapter(config));
  Sha256 hash;
  for (const formats::PeftModule& module : modules) {
    const Place& place = places.at(module.path);
    Tensor a = PrepareA(module);
    Tensor b = PrepareB(place, module);
    HashModule(hash, module, a, b);
    adapter->views_.Set(place.layer, place.module,
                        {.a = a.As<float>().data(), .b = b.As<float>().data(), .rank = module.rank},
                        place.expert);
    adapter->modules_.push_back({module.path, place, module.rank, module.scale});
    adapter->storage_.push_back(std::move(a));
    adapter->storage_.push_back(std::move(b));
  }
  adapter->content_hash_ = ToHex(hash.Finish());
  return adapter;
}

int64_t DenseAdapter::parameters() const {
  int64_t count = 0;
  for (const Tensor& tensor : storage_) count += tensor.shape().elements();
  return count;
}

}  // namespace hyprstream::adapters
