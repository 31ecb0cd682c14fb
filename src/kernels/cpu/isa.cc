#include "kernels/cpu/isa.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"

namespace hyprstream::kernels {

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::span<const Isa> SupportedIsas() {
  static const std::vector<Isa> supported = [] {
    std::vector<Isa> found{Isa::kScalar};
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("f16c");
    if (avx2) found.push_back(Isa::kAvx2);
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni") &&
        __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("gfni")) {
      found.push_back(Isa::kAvx512);
    }
#endif
    return found;
  }();
  return supported;
}

int64_t NearFetchBytes() {
#if defined(__x86_64__)
  static const bool amd = [] {
    __builtin_cpu_init();
    return __builtin_cpu_is("amd") != 0;
  }();
  if (amd) return 8 << 10;
#endif
  return 2 << 10;
}

Isa ChooseIsa() {
  const std::span<const Isa> supported = SupportedIsas();
  const char* wanted = std::getenv("HYPRSTREAM_CPU");
  if (wanted == nullptr || *wanted == '\0') return supported.back();
  for (const Isa isa : supported) {
    if (IsaName(isa) == wanted) return isa;
  }
  const std::string name = wanted;
  const bool known = name == "avx2" || name == "avx512";
  throw Error(known ? ErrorCode::kUnsupported : ErrorCode::kInvalidArgument,
              {.message = known ? "this machine lacks the instruction set that was asked for"
                                : "unknown instruction set",
               .expected = "scalar, avx2 or avx512; this machine's best is " +
                           std::string(IsaName(supported.back())),
               .found = name,
               .where = "HYPRSTREAM_CPU"});
}

}  // namespace hyprstream::kernels
