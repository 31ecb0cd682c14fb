// Small helpers that every format shares: text files read with a limit, and the recognition of Git
// LFS pointers, which stand where a weight file should be after a clone without Git LFS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tensor/shape.h"

namespace hyprstream::formats {

/// Limit for configuration files and templates.
inline constexpr uint64_t kMaxTextFileBytes = 16 << 20;

/// Errors: kNotFound, kPermissionDenied, kIo; kLimit when the file is larger than `limit` bytes.
std::string ReadTextFile(const std::filesystem::path& path, uint64_t limit = kMaxTextFileBytes);

/// Empty when there is no such file.
std::string ReadTextFileIfPresent(const std::filesystem::path& path);

/// Throws kFailedPrecondition when the file's bytes are a Git LFS pointer: says how large the real
/// file is and how to get it.
void RefuseLfsPointer(std::span<const std::byte> file, const std::filesystem::path& path);

/// The text in double quotes, control characters as \xNN, shortened to 80 bytes: for messages about
/// names that a stranger chose.
std::string Quote(std::string_view text);

/// True when the name is not empty and has no NUL or other control character.
bool IsCleanName(std::string_view name);

/// Elements of a shape from a file. Nothing when an extent is negative or the product of those that
/// are not zero overflows: so no partial product of an accepted shape overflows either.
std::optional<int64_t> CheckedElementCount(const Shape& shape);

}  // namespace hyprstream::formats
