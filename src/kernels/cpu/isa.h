// Which instruction set the CPU kernels use: the best this machine has, or the one named by the
// environment variable HYPRSTREAM_CPU (scalar, avx2, avx512).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hyprstream::kernels {

/// kAvx2 includes FMA and F16C; kAvx512 includes F, BW, DQ, VL, VBMI, VNNI and BF16 (Zen 4,
/// Sapphire Rapids).
enum class Isa { kScalar, kAvx2, kAvx512 };

std::string_view IsaName(Isa isa);

/// All that this machine can run, slowest first.
std::span<const Isa> SupportedIsas();

/// How far ahead of a stream of weights one row's product fetches into the first-level cache:
/// 8 KB on AMD's processors, 2 KB elsewhere (docs/performance.md has what either gives on each).
int64_t NearFetchBytes();

/// Errors: kUnsupported when HYPRSTREAM_CPU names one this machine lacks, kInvalidArgument when it
/// names none.
Isa ChooseIsa();

}  // namespace hyprstream::kernels
