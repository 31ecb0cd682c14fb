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

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "formats/streamed_tensor.h"

namespace hyprstream::formats {

/// A metadata value to be written; its C++ type decides its type in the file.
using GgufField = std::variant<uint16_t, uint32_t, int32_t, float, bool, uint64_t, int64_t, double,
                               std::string, std::vector<std::string>, std::vector<int32_t>,
                               std::vector<uint32_t>, std::vector<float>, std::vector<uint64_t>,
                               std::vector<int64_t>, std::vector<double>, std::vector<bool>>;

/// Writes a file that appears complete or not at all. Shapes are in PyTorch order, one to four
/// dimensions. Errors: kInvalidArgument for a name longer than ggml reads; kUnsupported for an
/// element type without a number in GGUF; those of AtomicFile.
void WriteGguf(const std::filesystem::path& path,
               std::span<const std::pair<std::string, GgufField>> metadata,
               std::span<const NamedTensor> tensors);

/// A file's metadata to be written again, in its order, without the keys of a split. Integers of 8
/// and 16 bits become such of 32.
std::vector<std::pair<std::string, GgufField>> CopyMetadata(const GgufFile& file);

/// As WriteGguf, of tensors that are made while they are written.
void WriteGgufStreamed(const std::filesystem::path& path,
                       std::span<const std::pair<std::string, GgufField>> metadata,
                       std::span<const StreamedTensor> tensors);

}  // namespace hyprstream::formats
