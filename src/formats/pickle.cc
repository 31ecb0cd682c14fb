#include "formats/pickle.h"

#include <algorithm>

#include "formats/pickle_machine.h"
#include "formats/small_files.h"

// The instructions that deal with torch's names: which there are, and what calling them means.
namespace hyprstream::formats {
namespace {

struct NamedStorage {
  std::string_view name;
  DType dtype;
};

constexpr NamedStorage kStorages[] = {
    {"FloatStorage", DType::kF32},        {"HalfStorage", DType::kF16},
    {"BFloat16Storage", DType::kBF16},    {"DoubleStorage", DType::kF64},
    {"LongStorage", DType::kI64},         {"IntStorage", DType::kI32},
    {"ShortStorage", DType::kI16},        {"CharStorage", DType::kI8},
    {"ByteStorage", DType::kU8},          {"BoolStorage", DType::kBool},
    {"ComplexFloatStorage", DType::kC64},
};

struct NamedFunction {
  std::string_view module;
  std::string_view name;
  PickleFunction function;
};

constexpr NamedFunction kFunctions[] = {
    {"collections", "OrderedDict", PickleFunction::kOrderedDict},
    {"torch._utils", "_rebuild_tensor_v2", PickleFunction::kRebuildTensor},
    {"torch._utils", "_rebuild_parameter", PickleFunction::kRebuildParameter},
    {"torch", "Size", PickleFunction::kSize},
};

}  // namespace

Pickle::Pickle(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxBytes) {
    throw Error(ErrorCode::kLimit, {.message = "the pickle is too large",
                                    .expected = "at most " + std::to_string(kMaxBytes) + " bytes",
                                    .found = std::to_string(bytes.size()),
                                    .where = "data.pkl"});
  }
  PickleMachine(*this, bytes).Run();
}

void PickleMachine::Global() {
  const std::string_view module = Line();
  const std::string_view name = Line();
  for (const NamedFunction& known : kFunctions) {
    if (known.module == module && known.name == name) return Push(known.function);
  }
  for (const NamedStorage& known : kStorages) {
    if (module == "torch" && known.name == name) return Push(PickleStorageType{known.dtype});
  }
  throw Error(ErrorCode::kDataLoss,
              {.message = "the file names Python code that is not allowed in a file of tensors",
               .found = Quote(std::string(module) + "." + std::string(name)),
               .where = "data.pkl, offset " + std::to_string(instruction_offset_),
               .hint = "do not trust this file; nothing in it was executed"});
}

void PickleMachine::Reduce() {
  const PickleValue* arguments = Pop();
  const PickleValue* callable = Pop();
  const auto* tuple = arguments->As<PickleTuple>();
  const auto* function = callable->As<PickleFunction>();
  if (tuple == nullptr || function == nullptr) Fail("the pickle calls what cannot be called");
  const PickleList& items = tuple->items;
  switch (*function) {
    case PickleFunction::kOrderedDict:
      if (!items.empty()) Fail("OrderedDict is called with arguments");
      return Push(PickleDict{.items = {}, .ordered = true});
    case PickleFunction::kSize:
      if (items.size() != 1) Fail("torch.Size is called with wrong arguments");
      Sizes(*items[0]);
      stack_.push_back(const_cast<PickleValue*>(items[0]));
      return;
    case PickleFunction::kRebuildParameter:
      if (items.size() != 3 || items[0]->As<PickledTensor>() == nullptr) {
        Fail("_rebuild_parameter is called with wrong arguments");
      }
      return Push(PickledTensor(*items[0]->As<PickledTensor>()));
    case PickleFunction::kRebuildTensor:
      return Push(RebuildTensor(*tuple));
  }
}

/// ("storage", storage type, key, location, number of elements)
void PickleMachine::PersistentId() {
  const auto* id = Pop()->As<PickleTuple>();
  if (id == nullptr || id->items.size() != 5) Fail("a storage is described wrongly");
  const auto* kind = id->items[0]->As<std::string>();
  const auto* type = id->items[1]->As<PickleStorageType>();
  const auto* key = id->items[2]->As<std::string>();
  const auto* location = id->items[3]->As<std::string>();
  const auto* count = id->items[4]->As<int64_t>();
  if (kind == nullptr || *kind != "storage" || type == nullptr || key == nullptr ||
      location == nullptr || count == nullptr || *count < 0) {
    Fail("a storage is described wrongly");
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (key->empty() || key->size() > 20 || !std::all_of(key->begin(), key->end(), is_digit)) {
    Fail("a storage has a wrong key", Quote(*key));
  }
  Push(PickledStorage{type->dtype, *key, static_cast<uint64_t>(*count)});
}

/// torch writes attributes of a state dictionary this way; they say nothing about tensors.
void PickleMachine::Build() {
  Pop();
  const auto* dict = Top().As<PickleDict>();
  if (dict == nullptr || !dict->ordered) Fail("the pickle sets attributes of what has none");
}

/// (storage, offset, sizes, strides, requires_grad, hooks[, metadata])
PickledTensor PickleMachine::RebuildTensor(const PickleTuple& arguments) const {
  const PickleList& items = arguments.items;
  if (items.size() != 6 && items.size() != 7) Fail("a tensor is described wrongly");
  const auto* storage = items[0]->As<PickledStorage>();
  const auto* offset = items[1]->As<int64_t>();
  if (storage == nullptr || offset == nullptr || *offset < 0) Fail("a tensor is described wrongly");
  PickledTensor tensor{*storage, static_cast<uint64_t>(*offset), Sizes(*items[2]),
                       Sizes(*items[3])};
  if (tensor.sizes.size() != tensor.strides.size()) Fail("a tensor has sizes without strides");
  return tensor;
}

std::vector<int64_t> PickleMachine::Sizes(const PickleValue& value) const {
  const auto* tuple = value.As<PickleTuple>();
  if (tuple == nullptr || tuple->items.size() > static_cast<size_t>(Shape::kMaxRank)) {
    Fail("a tensor's sizes are no short tuple");
  }
  std::vector<int64_t> sizes;
  for (const PickleValue* item : tuple->items) {
    const auto* number = item->As<int64_t>();
    if (number == nullptr || *number < 0) Fail("a tensor has a size that is no natural number");
    sizes.push_back(*number);
  }
  return sizes;
}

}  // namespace hyprstream::formats
