// The JSON header of a safetensors file, parsed and checked against the size of the data it
// describes, before anybody looks at the data. Facts: the format text in
// https://github.com/huggingface/safetensors.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace hyprstream::formats {

struct SafetensorsEntry {
  std::string name = {};
  DType dtype = DType::kF32;
  Shape shape = {};
  uint64_t begin = 0;  // offsets into the data, which follows the header
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // by offset; they cover the data without hole or overlap
  std::map<std::string, std::string> metadata;
  uint64_t data_begin = 0;  // offset of the data in the file
};

inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Errors: kDataLoss saying what is wrong and where; kUnsupported for tensors of more than
/// Shape::kMaxRank dimensions.
SafetensorsHeader ReadSafetensorsHeader(std::span<const std::byte> file);

/// Nothing for an unknown name.
std::optional<DType> SafetensorsDType(std::string_view name);

}  // namespace hyprstream::formats
