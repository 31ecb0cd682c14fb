// Writes GGUF files, version 3: typed metadata, then tensors in the order given, each padded to the
// alignment. Facts: the GGUF specification of ggml.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "formats/safetensors.h"

namespace hyprstream::formats {

/// A metadata value to be written; its C++ type decides its type in the file.
using GgufField = std::variant<uint32_t, int32_t, float, bool, uint64_t, int64_t, double,
                               std::string, std::vector<std::string>, std::vector<int32_t>,
                               std::vector<uint32_t>, std::vector<float>>;

/// Writes a file that appears complete or not at all. Shapes are in PyTorch order, one to four
/// dimensions. Errors: kInvalidArgument for a name longer than ggml reads; kUnsupported for an
/// element type without a number in GGUF; those of AtomicFile.
void WriteGguf(const std::filesystem::path& path,
               std::span<const std::pair<std::string, GgufField>> metadata,
               std::span<const NamedTensor> tensors);

}  // namespace hyprstream::formats
