// AVX-512 with BF16. Twelve rows by two vectors: 24 sums hide the latency of a multiply-add, and a
// panel of 128 steps (16 KiB) stays in the L1 cache while every row of a passes by.
#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/matmul_packed.h"
#include "kernels/cpu/strip_bytes_avx512.h"

namespace hyprstream::kernels {
namespace {

struct SixteenLanes {
  using Word = float;
  using Acc = __m512;
  using B = __m512;
  static constexpr int kLanes = 16;
  static constexpr int kVectors = 2;
  static constexpr int kRows = 12;
  static constexpr bool kPacked = false;

  static Acc Zero() { return _mm512_setzero_ps(); }
  static B Load(const float* p) { return _mm512_loadu_ps(p); }
  static B Broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Acc MulAdd(Acc acc, B a, B b) { return _mm512_fmadd_ps(a, b, acc); }
  static Acc LoadSums(const float* p) { return _mm512_loadu_ps(p); }
  static void StoreSums(float* p, Acc v) { _mm512_storeu_ps(p, v); }
  static Acc Add(Acc a, Acc b) { return _mm512_add_ps(a, b); }
};

struct SixteenPairs : SixteenLanes {
  using Word = uint32_t;
  using B = __m512i;
  static constexpr bool kPacked = true;

  static B Load(const uint32_t* p) { return _mm512_loadu_si512(p); }
  static B Broadcast(const uint32_t* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
  static Acc MulAdd(Acc acc, B a, B b) { return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b); }
};

inline __mmask16 FirstLanes(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << count) - 1u);
}

void RoundBf16(const float* x, int64_t count, uint16_t* out) {
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = FirstLanes(count - i);
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i));
    _mm256_mask_storeu_epi16(out + i, mask, (__m256i)rounded);
  }
}

/// Calls body(column, mask, to) for every sixteen columns of a step.
template <class Body>
inline void ForSixteen(int64_t columns, PanelSpan<uint32_t> out, Body&& body) {
  for (int64_t column = 0; column < columns; column += 16) {
    body(column, FirstLanes(columns - column),
         out.words + column / kPanelColumns * out.panel_words + column % kPanelColumns);
  }
}

void PairF32(const float* even, const float* odd, int64_t columns, PanelSpan<uint32_t> out) {
  alignas(64) uint16_t order[32];
  for (int i = 0; i < 32; ++i) order[i] = static_cast<uint16_t>(i / 2 + i % 2 * 16);
  const __m512i interleave = _mm512_load_si512(order);
  ForSixteen(columns, out, [&](int64_t column, __mmask16 mask, uint32_t* to) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(mask, odd + column),
                                              _mm512_maskz_loadu_ps(mask, even + column));
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(interleave, (__m512i)both));
  });
}

void PairBf16(const std::byte* even, const std::byte* odd, int64_t columns,
              PanelSpan<uint32_t> out) {
  ForSixteen(columns, out, [&](int64_t column, __mmask16 mask, uint32_t* to) {
    const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, even + 2 * column));
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, odd + 2 * column));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  });
}

/// One of a group's four columns: sixteen rows.
template <class Format>
inline __m512 WidenColumn(__m512i codes, int column, __m512 scale, __m512 minimum) {
  const __m512i code = _mm512_and_si512(_mm512_srli_epi32(codes, static_cast<unsigned>(8 * column)),
                                        _mm512_set1_epi32(255));
  const __m512 level =
      _mm512_cvtepi32_ps(_mm512_sub_epi32(code, _mm512_set1_epi32(Format::kOffset)));
  const __m512 value = _mm512_mul_ps(scale, level);
  return Format::kMinima ? _mm512_add_ps(value, minimum) : value;
}

/// columns[i] holds the eight pairs of column 2i, then those of 2i + 1; to step p go the sixteen
/// columns' pairs p.
inline void StoreSteps(const __m512i columns[8], uint32_t* to) {
  __m512i low[4][2];  // [step % 4][columns 0–7, 8–15]: lanes even, even, odd, odd
  for (int half = 0; half < 2; ++half) {
    const __m512i* in = columns + 4 * half;
    const __m512i a = _mm512_unpacklo_epi32(in[0], in[1]);
    const __m512i b = _mm512_unpacklo_epi32(in[2], in[3]);
    const __m512i c = _mm512_unpackhi_epi32(in[0], in[1]);
    const __m512i d = _mm512_unpackhi_epi32(in[2], in[3]);
    low[0][half] = _mm512_unpacklo_epi64(a, b);
    low[1][half] = _mm512_unpackhi_epi64(a, b);
    low[2][half] = _mm512_unpacklo_epi64(c, d);
    low[3][half] = _mm512_unpackhi_epi64(c, d);
  }
  const __m512i first = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 16, 24, 17, 25, 18, 26, 19, 27);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(4));
  for (int step = 0; step < 4; ++step) {
    const auto& [left, right] = low[step];
    _mm512_storeu_si512(to + step * kPanelColumns, _mm512_permutex2var_epi32(left, first, right));
    _mm512_storeu_si512(to + (step + 4) * kPanelColumns,
                        _mm512_permutex2var_epi32(left, second, right));
  }
}

template <class Format>
void WidenStripBf16(const StripPiece& piece, PanelSpan<uint32_t> out) {
  static_assert(kPanelColumns == 32, "a block of 32 columns is a panel");
  const auto* record = reinterpret_cast<const uint8_t*>(piece.records);
  uint32_t* panel = out.words;
  for (int64_t k = 0; k < piece.columns; k += kSuperBlock) {
    const int64_t left = piece.columns - k;
    const int blocks = static_cast<int>(left < kSuperBlock ? left / 32 : 8);
    RecordScales scales;
    Format::Scales(record, blocks, scales);
    const Planes planes = Format::Locate(record, blocks);
    for (int b = 0; b < blocks; ++b, panel += out.panel_words) {
      Unroll<2>([&]<int half>() __attribute__((always_inline)) {
        const int sub = 16 * ((32 * b + 16 * half) / Format::kSub);
        const __m512 scale = _mm512_load_ps(scales.scales + sub);
        const __m512 minimum =
            Format::kMinima ? _mm512_load_ps(scales.minima + sub) : _mm512_setzero_ps();
        __m512i columns[8];
        Unroll<4>([&]<int i>() __attribute__((always_inline)) {
          const __m512i codes = Format::template Codes<4 * half + i>(planes, b);
          for (int pair = 0; pair < 2; ++pair) {
            columns[2 * i + pair] = (__m512i)_mm512_cvtne2ps_pbh(
                WidenColumn<Format>(codes, 2 * pair + 1, scale, minimum),
                WidenColumn<Format>(codes, 2 * pair, scale, minimum));
          }
        });
        StoreSteps(columns, panel + 16 * half);
      });
    }
    record += kStripRows * Format::kRecordBytes;
  }
}

}  // namespace

const GemmKernels internal::kGemmAvx512 = {
    .f32 = RunGemm<SixteenLanes>,
    .bf16 = RunGemm<SixteenPairs>,
    .round_bf16 = RoundBf16,
    .pair_f32 = PairF32,
    .pair_bf16 = PairBf16,
    .strip_bf16 = HYPR_GEMM_STRIPS(WidenStripBf16, StripBytes),
    .strip_f32 = {},
};

}  // namespace hyprstream::kernels
