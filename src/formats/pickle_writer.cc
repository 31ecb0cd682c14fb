#include "formats/pickle_writer.h"

#include <bit>
#include <set>

#include "formats/byte_writer.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

const char* StorageClass(const NamedTensor& tensor) {
  switch (tensor.view.dtype) {
    case DType::kF32:
      return "FloatStorage";
    case DType::kF16:
      return "HalfStorage";
    case DType::kBF16:
      return "BFloat16Storage";
    case DType::kF64:
      return "DoubleStorage";
    case DType::kI64:
      return "LongStorage";
    case DType::kI32:
      return "IntStorage";
    case DType::kU8:
      return "ByteStorage";
    case DType::kBool:
      return "BoolStorage";
    default:
      throw Error(ErrorCode::kUnsupported,
                  {.message = "a PyTorch file cannot hold tensor " + Quote(tensor.name),
                   .expected = "F32, F16, BF16, F64, I64, I32, U8 or BOOL",
                   .found = std::string(Name(tensor.view.dtype)),
                   .hint = "widen it to F32 first"});
  }
}

class Pickler {
 public:
  std::string Write(std::span<const NamedTensor> tensors) {
    out_ = "\x80\x02}";  // protocol 2, an empty dictionary
    if (!tensors.empty()) {
      out_ += '(';  // mark
      for (size_t i = 0; i < tensors.size(); ++i) WriteTensor(tensors[i], i);
      out_ += 'u';  // set all items since the mark
    }
    return out_ + '.';
  }

 private:
  void Text(std::string_view text) {
    out_ += 'X';
    AppendRaw(out_, static_cast<uint32_t>(text.size()));
    out_ += text;
  }

  void Number(int64_t value) {
    if (value <= INT32_MAX) {
      out_ += 'J';
      AppendRaw(out_, static_cast<int32_t>(value));
    } else {
      out_ += "\x8a\x08";  // eight bytes follow
      AppendRaw(out_, value);
    }
  }

  void Global(std::string_view module, std::string_view name) {
    out_ += 'c';
    out_ += module;
    out_ += '\n';
    out_ += name;
    out_ += '\n';
  }

  template <typename Values>
  void Tuple(const Values& values) {
    out_ += '(';
    for (const int64_t value : values) Number(value);
    out_ += 't';
  }

  /// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
  void WriteTensor(const NamedTensor& tensor, size_t index) {
    HYPR_CHECK(names_.insert(tensor.name).second);
    const Shape& shape = tensor.view.shape;
    std::vector<int64_t> strides(static_cast<size_t>(shape.rank()), 1);
    for (int i = shape.rank() - 2; i >= 0; --i) {
      strides[static_cast<size_t>(i)] = strides[static_cast<size_t>(i) + 1] * shape[i + 1];
    }
    Text(tensor.name);
    Global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    Text("storage");
    Global("torch", StorageClass(tensor));
    Text(std::to_string(index));
    Text("cpu");
    Number(tensor.view.elements());
    out_ += "tQ";  // the storage, by its persistent id
    Number(0);
    Tuple(shape.extents());
    Tuple(strides);
    out_ += '\x89';  // False
    Global("collections", "OrderedDict");
    out_ += ")RtR";
  }

  std::string out_;
  std::set<std::string_view> names_;
};

}  // namespace

std::string PickleStateDict(std::span<const NamedTensor> tensors) {
  return Pickler().Write(tensors);
}

}  // namespace hyprstream::formats
