// Linked into a program, it replaces operator new in all of it by one that counts.
#pragma once

#include <cstdint>

namespace hyprstream::testing {

/// Calls so far, by whatever thread.
int64_t Allocations();

}  // namespace hyprstream::testing
