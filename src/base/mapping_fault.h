// A mapped file that another program truncates (or a disk that fails under it) turns a read into
// SIGBUS: nothing can be read there any more, and the process ends. This makes it end with a
// message that names the file instead of a bare crash. MappedFile tells which ranges are mapped;
// the program installs the handler once, early in main.
//
// The table of ranges is the one thing that is global, because a signal handler can be handed
// nothing. It is lock-free and has a fixed number of places; a mapping that finds none is as
// before.
#pragma once

#include <cstddef>
#include <span>

namespace hyprstream {

/// From now on SIGBUS inside a mapping writes "error: FILE was changed or truncated while in use"
/// to stderr and exits with `exit_status`; elsewhere it crashes as it would have.
void InstallMappingFaultHandler(int exit_status);

namespace internal {
/// `path` must live as long as the mapping. Thread-safe.
void RegisterMapping(std::span<const std::byte> range, const char* path);
void ForgetMapping(std::span<const std::byte> range);
}  // namespace internal

}  // namespace hyprstream
