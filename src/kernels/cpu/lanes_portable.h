// Four f32 lanes in the compiler's own vector type: what the kernels' shared bodies are compiled
// with where no instruction set beyond the baseline may be assumed. Multiply-add rounds twice here.
// Included by the translation units of one instruction set only, hence the anonymous namespace.
#pragma once

#include <cstdint>
#include <cstring>

namespace hyprstream::kernels {
namespace {

struct Lanes {
  static constexpr int kCount = 4;
  static constexpr int kScoreRows = 4;    // query rows × 2 vectors of keys held in registers
  static constexpr int kRowVectors = 2;   // vectors of one head's output held for each of four rows
  static constexpr int kWideVectors = 4;  // the same for a single row
  using F = float __attribute__((vector_size(16)));
  using I = int32_t __attribute__((vector_size(16)));
  using U = uint32_t __attribute__((vector_size(16)));
  struct Pair {
    F even;
    F odd;
  };

  static F Set(float value) { return F{value, value, value, value}; }
  static F Load(const float* p) {
    F v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  static void Store(float* p, F v) { std::memcpy(p, &v, sizeof(v)); }
  /// The first n lanes, the others zero; nothing behind them is read.
  static F LoadFirst(const float* p, int n) {
    F v{};
    std::memcpy(&v, p, static_cast<size_t>(n) * sizeof(float));
    return v;
  }
  static void StoreFirst(float* p, F v, int n) {
    std::memcpy(p, &v, static_cast<size_t>(n) * sizeof(float));
  }
  /// Lanes of two bf16: the low halves and the high halves.
  static Pair Widen(const uint32_t* p) {
    U v;
    std::memcpy(&v, p, sizeof(v));
    return WidenBits(v);
  }
  static Pair WidenFirst(const uint32_t* p, int n) {
    U v{};
    std::memcpy(&v, p, static_cast<size_t>(n) * sizeof(uint32_t));
    return WidenBits(v);
  }
  static void StoreBf16First(uint16_t* p, F v, int n) {
    for (int i = 0; i < n; ++i) {
      uint32_t bits;
      const float value = v[i];
      std::memcpy(&bits, &value, sizeof(bits));
      const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
      p[i] = static_cast<uint16_t>(nan ? (bits >> 16) | 64u
                                       : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    }
  }

  static F Add(F a, F b) { return a + b; }
  static F Sub(F a, F b) { return a - b; }
  static F Mul(F a, F b) { return a * b; }
  static F Div(F a, F b) { return a / b; }
  /// a · b + c.
  static F MulAdd(F a, F b, F c) { return a * b + c; }
  /// `b` where either is NaN.
  static F Max(F a, F b) { return a > b ? a : b; }
  static F Min(F a, F b) { return a < b ? a : b; }
  static F Round(F v) {  // to nearest even, for |v| < 2^22
    const F magic = Set(0x1.8p23f);
    return (v + magic) - magic;
  }
  /// v · 2^n for whole n in [−300, 300], with gradual underflow.
  static F Scale(F v, F n) {
    const I whole = __builtin_convertvector(n, I);
    const I half = whole >> 1;
    return v * PowerOfTwo(half) * PowerOfTwo(whole - half);
  }
  /// Lanes begin ≤ i < end of v, the others `other`.
  static F Inside(F v, int begin, int end, F other) {
    const I lane = {0, 1, 2, 3};
    return ((lane >= begin) & (lane < end)) ? v : other;
  }
  static float Sum(F v) { return (v[0] + v[2]) + (v[1] + v[3]); }
  static float Largest(F v) {
    const float a = v[0] > v[2] ? v[0] : v[2];
    const float b = v[1] > v[3] ? v[1] : v[3];
    return a > b ? a : b;
  }

 private:
  static Pair WidenBits(U v) {
    const U low = v << 16;
    const U high = v & 0xffff0000u;
    Pair pair;
    std::memcpy(&pair.even, &low, sizeof(low));
    std::memcpy(&pair.odd, &high, sizeof(high));
    return pair;
  }
  static F PowerOfTwo(I n) {
    const U bits = (reinterpret_cast<const U&>(n) + 127u) << 23;
    F v;
    std::memcpy(&v, &bits, sizeof(v));
    return v;
  }
};

}  // namespace
}  // namespace hyprstream::kernels
