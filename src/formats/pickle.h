// The part of Python's pickle language (protocol 2) that torch.save writes for a dictionary of
// tensors, and nothing more. The machine builds plain values and descriptions of tensors; it knows
// a handful of names and never turns one into code. Values live in an arena, so that a pickle that
// refers to itself can neither leak nor recurse. Facts: Python's pickletools and torch/_utils.py.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/dtype.h"

namespace hyprstream::formats {

/// Record `key` of the archive, holding `count` elements.
struct PickledStorage {
  DType dtype = DType::kF32;
  std::string key = {};
  uint64_t count = 0;
};

/// Offset and strides are in elements.
struct PickledTensor {
  PickledStorage storage;
  uint64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};

struct PickleValue;
using PickleList = std::vector<const PickleValue*>;

struct PickleTuple {
  PickleList items;
};
struct PickleDict {
  std::vector<std::pair<const PickleValue*, const PickleValue*>> items;
  bool ordered = false;  // a collections.OrderedDict
};
enum class PickleFunction { kOrderedDict, kRebuildTensor, kRebuildParameter, kSize };
struct PickleStorageType {
  DType dtype = DType::kF32;
};

struct PickleValue {
  std::variant<std::monostate, bool, int64_t, double, std::string, PickleList, PickleTuple,
               PickleDict, PickleFunction, PickleStorageType, PickledStorage, PickledTensor>
      value;

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&value);
  }
};

/// Values point at each other; all live as long as this object.
class Pickle {
 public:
  static constexpr uint64_t kMaxBytes = uint64_t{64} << 20;
  static constexpr size_t kMaxValues = 1'000'000;

  /// Errors: kDataLoss for a broken pickle or a name that is not known, kLimit for one too large.
  explicit Pickle(std::span<const std::byte> bytes);

  const PickleValue& root() const { return *root_; }

 private:
  friend class PickleMachine;
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
};

}  // namespace hyprstream::formats
