// What the benchmarks of single operations share: --key=value arguments and random operands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace hyprstream::bench {

/// A weight [out, in] of some model.
struct LayerShape {
  const char* name;
  int64_t out;
  int64_t in;
};

/// Calls take(key, value) for each "--key=value"; the value of a bare "--key" is empty.
template <typename Take>
void ForEachArgument(int argc, char** argv, Take&& take) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    take(argument.substr(0, equals),
         equals == std::string::npos ? std::string() : argument.substr(equals + 1));
  }
}

/// "a,b" → {"a", "b"}.
inline std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

inline DType TypeNamed(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    if (Name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  throw std::runtime_error("no type is called " + name);
}

/// Random bits without the exponent bit that Inf and NaN need (bf16, f16 and f32 alike).
inline std::vector<std::byte> RandomWeight(DType type, int64_t elements) {
  std::vector<std::byte> bytes(*RowBytes(type, static_cast<uint64_t>(elements)));
  std::minstd_rand random(7);
  for (std::byte& b : bytes) b = static_cast<std::byte>((random() >> 8) & 0xbf);
  return bytes;
}

/// Between -1 and 1.
inline std::vector<float> RandomFloats(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::minstd_rand random(3);
  for (float& value : values) value = static_cast<float>(random() % 2001) * 1e-3f - 1.0f;
  return values;
}

}  // namespace hyprstream::bench
