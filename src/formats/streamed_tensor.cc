#include "formats/streamed_tensor.h"

#include "base/error.h"

namespace hyprstream::formats {

uint64_t StreamedTensor::bytes() const {
  const TensorView view{.dtype = dtype, .shape = shape, .bytes = {}};
  return static_cast<uint64_t>(view.rows()) * view.row_bytes();
}

StreamedTensor Streamed(const NamedTensor& tensor) {
  const TensorView& view = tensor.view;
  return {.name = tensor.name,
          .dtype = view.dtype,
          .shape = view.shape,
          .write = [bytes = view.bytes](const ByteSink& sink) { sink(bytes); }};
}

void WriteTensor(const StreamedTensor& tensor, const ByteSink& sink) {
  uint64_t written = 0;
  tensor.write([&](std::span<const std::byte> bytes) {
    sink(bytes);
    written += bytes.size();
  });
  HYPR_CHECK(written == tensor.bytes());
}

}  // namespace hyprstream::formats
