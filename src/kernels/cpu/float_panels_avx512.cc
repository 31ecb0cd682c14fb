// Tiles of 32 outputs by up to seven rows, two lanes at a time: 28 sums, two vectors of W and one
// word of x fill the registers.
#include "kernels/cpu/float_panels.h"

#include <immintrin.h>

namespace hyprstream::kernels {
namespace {

constexpr int64_t kPanelOutputs = 32;
constexpr int64_t kPanelStepBytes = kPanelOutputs * 4;

// Place of each lane: the tree adds l and l + 8 first, l and l + 1 last.
constexpr int kLanePlace[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};

inline __mmask16 FirstLanes(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << count) - 1u);
}

// Sixteen words of a row of W; `count` elements of k are left.
struct F32Row {
  static constexpr FloatWord kWord = FloatWord::kF32;
  static constexpr int64_t kBytes = 4;
  static __m512i Load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static __m512i LoadTail(const std::byte* p, int64_t count) {
    return _mm512_maskz_loadu_epi32(FirstLanes(count), p);
  }
};
struct F16Row {
  static constexpr FloatWord kWord = FloatWord::kF32;
  static constexpr int64_t kBytes = 2;
  static __m512i Widen(__m256i halves) { return _mm512_castps_si512(_mm512_cvtph_ps(halves)); }
  static __m512i Load(const std::byte* p) {
    return Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m512i LoadTail(const std::byte* p, int64_t count) {
    return Widen(_mm256_maskz_loadu_epi16(FirstLanes(count), p));
  }
};
struct Bf16Row {
  static constexpr FloatWord kWord = FloatWord::kF32;
  static constexpr int64_t kBytes = 2;
  static __m512i Widen(__m256i bits) { return _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16); }
  static __m512i Load(const std::byte* p) {
    return Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m512i LoadTail(const std::byte* p, int64_t count) {
    return Widen(_mm256_maskz_loadu_epi16(FirstLanes(count), p));
  }
};
struct Bf16PairRow {
  static constexpr FloatWord kWord = FloatWord::kBf16Pair;
  static constexpr int64_t kBytes = 2;
  static __m512i Load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static __m512i LoadTail(const std::byte* p, int64_t count) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << count) - 1), p);
  }
};

// Word l of row r becomes word r of row l.
inline void Transpose(__m512i (&r)[16]) {
  __m512i pairs[16];
  __m512i fours[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
    fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
    fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512i low = _mm512_shuffle_i32x4(fours[j], fours[4 + j], 0x44);
    const __m512i high = _mm512_shuffle_i32x4(fours[j], fours[4 + j], 0xEE);
    const __m512i low2 = _mm512_shuffle_i32x4(fours[8 + j], fours[12 + j], 0x44);
    const __m512i high2 = _mm512_shuffle_i32x4(fours[8 + j], fours[12 + j], 0xEE);
    r[j] = _mm512_shuffle_i32x4(low, low2, 0x88);
    r[4 + j] = _mm512_shuffle_i32x4(low, low2, 0xDD);
    r[8 + j] = _mm512_shuffle_i32x4(high, high2, 0x88);
    r[12 + j] = _mm512_shuffle_i32x4(high, high2, 0xDD);
  }
}

// Sixteen rows of W, those beyond `rows` being zero, into one half of a panel.
template <class Row>
void PackHalf(const std::byte* weight, int64_t stride, int64_t rows, int64_t k, std::byte* half) {
  constexpr int64_t kElements = FloatStepElements(Row::kWord);
  const int64_t steps = FloatSteps(Row::kWord, k);
  const int64_t lane_bytes = (steps + 1) * kPanelStepBytes;
  const auto store = [&](const __m512i* words, int64_t step) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (int l = 0; l < 16; ++l) {
      _mm512_store_si512(half + kLanePlace[l] * lane_bytes + step * kPanelStepBytes, words[l]);
    }
  };
  int64_t step = 0;
  if (rows == 16) {
    for (; (step + 1) * kElements <= k; ++step) {
      __m512i words[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) {
        words[r] = Row::Load(weight + r * stride + step * kElements * Row::kBytes);
      }
      Transpose(words);
      store(words, step);
    }
  }
  for (; step < steps; ++step) {
    const int64_t left = k - step * kElements;
    __m512i words[16];
    for (int r = 0; r < 16; ++r) {
      const std::byte* p = weight + r * stride + step * kElements * Row::kBytes;
      words[r] = r >= rows          ? _mm512_setzero_si512()
                 : left < kElements ? Row::LoadTail(p, left)
                                    : Row::Load(p);
    }
    Transpose(words);
    store(words, step);
  }
}

// Adds a word of x times a word of W to every output.
template <FloatWord kWord>
inline __m512 MulAdd(__m512 acc, __m512i w, __m512i x) {
  if constexpr (kWord == FloatWord::kF32) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(w), _mm512_castsi512_ps(x), acc);
  } else {
    return _mm512_dpbf16_ps(acc, (__m512bh)w, (__m512bh)x);
  }
}

struct TileArgs {
  const std::byte* panel;
  const std::byte* group;
  int64_t steps;
  int64_t group_lane_bytes;
  const float* bias;  // of the tile, or null
  float* y;
  int64_t y_stride;
  int64_t outputs;         // ≤ kPanelOutputs
  const std::byte* ahead;  // memory that is wanted later, fetched at an even pace
  int64_t ahead_step;      // bytes at every step
};

// Sums of MR rows over lanes that the tree has added, until their partners are there.
template <int MR>
struct Waiting {
  __m512 sums[3][MR][2];  // of 2, 4 and 8 lanes
};

/// A pair of lanes that the tree adds first, for MR rows: their sums stay in the registers.
template <FloatWord kWord, int MR>
inline void LanePair(const TileArgs& t, int pair, int64_t row, const std::byte*& ahead,
                     Waiting<MR>& waiting) {
  const int64_t w_lane = (t.steps + 1) * kPanelStepBytes;
  const std::byte* w = t.panel + 2 * pair * w_lane;
  const std::byte* x = t.group + 2 * pair * t.group_lane_bytes + row * 4;
  const std::byte* x_end = x + t.steps * kFloatGroupRows * 4;
  __m512 acc[2][MR][2];
#pragma GCC unroll 7
  for (int m = 0; m < MR; ++m) {
    acc[0][m][0] = acc[0][m][1] = acc[1][m][0] = acc[1][m][1] = _mm512_setzero_ps();
  }
  for (; x != x_end; x += kFloatGroupRows * 4, w += kPanelStepBytes) {
    _mm_prefetch(ahead, _MM_HINT_T1);
    _mm_prefetch(ahead + 64, _MM_HINT_T1);
    ahead += t.ahead_step;
#pragma GCC unroll 2
    for (int lane = 0; lane < 2; ++lane) {
      const __m512i w0 = _mm512_load_si512(w + lane * w_lane);
      const __m512i w1 = _mm512_load_si512(w + lane * w_lane + 64);
      const auto* words = reinterpret_cast<const int*>(x + lane * t.group_lane_bytes);
#pragma GCC unroll 7
      for (int m = 0; m < MR; ++m) {
        const __m512i word = _mm512_set1_epi32(words[m]);
        acc[lane][m][0] = MulAdd<kWord>(acc[lane][m][0], w0, word);
        acc[lane][m][1] = MulAdd<kWord>(acc[lane][m][1], w1, word);
      }
    }
  }
  int level = 0;
#pragma GCC unroll 7
  for (int m = 0; m < MR; ++m) {
    for (int h = 0; h < 2; ++h) acc[0][m][h] = _mm512_add_ps(acc[0][m][h], acc[1][m][h]);
  }
  for (; (pair >> level & 1) != 0; ++level) {
#pragma GCC unroll 7
    for (int m = 0; m < MR; ++m) {
      for (int h = 0; h < 2; ++h) {
        acc[0][m][h] = _mm512_add_ps(waiting.sums[level][m][h], acc[0][m][h]);
      }
    }
  }
  if (level == 3) level = 0;  // the last pair: all is added
#pragma GCC unroll 7
  for (int m = 0; m < MR; ++m) {
    for (int h = 0; h < 2; ++h) waiting.sums[level][m][h] = acc[0][m][h];
  }
}

template <int MR>
inline void StoreRows(const TileArgs& t, int64_t row, const Waiting<MR>& waiting) {
  for (int h = 0; h < 2; ++h) {
    const __mmask16 mask = FirstLanes(t.outputs < 16 * h ? 0 : t.outputs - 16 * h);
    const __m512 bias =
        t.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, t.bias + 16 * h);
    for (int m = 0; m < MR; ++m) {
      const __m512 sum = waiting.sums[0][m][h];
      _mm512_mask_storeu_ps(t.y + (row + m) * t.y_stride + 16 * h, mask,
                            t.bias == nullptr ? sum : _mm512_add_ps(sum, bias));
    }
  }
}

// Two halves of the rows take turns, so that a pair of lanes of W is met in the L1 cache.
template <FloatWord kWord, int M0, int M1>
void Tile(const TileArgs& t) {
  Waiting<M0> waiting0;
  Waiting<M1> waiting1;
  const std::byte* ahead = t.ahead;
  for (int m = 0; m < M0 + M1; ++m) {
    __builtin_prefetch(t.y + m * t.y_stride, 1);
    __builtin_prefetch(t.y + m * t.y_stride + 16, 1);
  }
  for (int pair = 0; pair < 8; ++pair) {
    LanePair<kWord, M0>(t, pair, 0, ahead, waiting0);
    LanePair<kWord, M1>(t, pair, M0, ahead, waiting1);
  }
  StoreRows<M0>(t, 0, waiting0);
  StoreRows<M1>(t, M0, waiting1);
}

constexpr int64_t kLeastTileRows = kFloatGroupRows / 2;

template <FloatWord kWord>
void RunTile(const TileArgs& t, int64_t rows) {
  using Function = void (*)(const TileArgs&);
  constexpr Function kTiles[] = {Tile<kWord, 4, 3>, Tile<kWord, 4, 4>, Tile<kWord, 5, 4>,
                                 Tile<kWord, 5, 5>, Tile<kWord, 6, 5>, Tile<kWord, 6, 6>,
                                 Tile<kWord, 7, 6>, Tile<kWord, 7, 7>};
  kTiles[rows - kLeastTileRows](t);
}

// All rows of x times panels [0, panels) of `args`; meanwhile the next ones are fetched.
template <class Row>
void RunPanels(const FloatPanelArgs& args, int64_t first, int64_t panels, int64_t panel_bytes) {
  const int64_t groups = FloatGroups(args.rows);
  const int64_t steps = FloatSteps(Row::kWord, args.k);
  const int64_t next = first + panels * kPanelOutputs;
  const int64_t next_rows = args.outputs - next < panels * kPanelOutputs
                                ? (args.outputs > next ? args.outputs - next : 0)
                                : panels * kPanelOutputs;
  const int64_t tiles = groups * panels;
  const int64_t slice = next_rows * args.weight_stride / tiles;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t begin = FloatGroupBegin(args.rows, g);
    const int64_t rows = FloatGroupBegin(args.rows, g + 1) - begin;
    for (int64_t p = 0; p < panels; ++p) {
      const int64_t output = first + p * kPanelOutputs;
      RunTile<Row::kWord>(
          {.panel = args.scratch + p * panel_bytes,
           .group = args.groups + g * FloatGroupBytes(Row::kWord, args.k),
           .steps = steps,
           .group_lane_bytes = FloatGroupLaneBytes(Row::kWord, args.k),
           .bias = args.bias == nullptr ? nullptr : args.bias + output,
           .y = args.y + begin * args.y_stride + output,
           .y_stride = args.y_stride,
           .outputs = args.outputs - output < kPanelOutputs ? args.outputs - output : kPanelOutputs,
           .ahead = args.weight + next * args.weight_stride + (g * panels + p) * slice,
           .ahead_step = slice / (kFloatLanes * steps)},
          rows);
    }
  }
}

template <class Row>
void RunFloatPanels(const FloatPanelArgs& args) {
  const int64_t together = FloatPanelsTogether(Row::kWord, args.k);
  const int64_t panel_bytes = FloatPanelBytes(Row::kWord, args.k);
  const auto at_most = [](int64_t count, int64_t limit) { return count < limit ? count : limit; };
  for (int64_t first = 0; first < args.outputs; first += together * kPanelOutputs) {
    const int64_t outputs = at_most(args.outputs - first, together * kPanelOutputs);
    const int64_t panels = (outputs + kPanelOutputs - 1) / kPanelOutputs;
    for (int64_t half = 0; half < 2 * panels; ++half) {
      const int64_t left = outputs - 16 * half;
      PackHalf<Row>(args.weight + (first + 16 * half) * args.weight_stride, args.weight_stride,
                    left < 0 ? 0 : at_most(left, 16), args.k,
                    args.scratch + half / 2 * panel_bytes + half % 2 * 64);
    }
    RunPanels<Row>(args, first, panels, panel_bytes);
  }
}

// To nearest, ties to even; a NaN stays one. The conversion instruction would take numbers below
// the normal ones for zero, where RoundToBf16 (quantize.h) may round them up to a normal one.
inline __m256i RoundBf16(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i high = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(
      _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(64)));
}

template <FloatWord kWord>
inline __m512i LoadX(const float* x, int64_t left) {
  const __m512 low = _mm512_maskz_loadu_ps(FirstLanes(left), x);
  if constexpr (kWord == FloatWord::kF32) return _mm512_castps_si512(low);
  const __m512 high =
      left <= 16 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(FirstLanes(left - 16), x + 16);
  return _mm512_inserti64x4(_mm512_castsi256_si512(RoundBf16(low)), RoundBf16(high), 1);
}

template <FloatWord kWord>
void PackGroup(const PackFloatGroupArgs& args) {
  constexpr int64_t kElements = FloatStepElements(kWord);
  const int64_t lane_bytes = FloatGroupLaneBytes(kWord, args.k);
  const __mmask16 mask = FirstLanes(kFloatGroupRows);
  for (int64_t step = args.step_begin; step < args.step_end; ++step) {
    const int64_t k = step * kElements;
    __m512i words[16];
    for (int r = 0; r < 16; ++r) {
      words[r] = r < args.rows ? LoadX<kWord>(args.x + r * args.x_stride + k, args.k - k)
                               : _mm512_setzero_si512();
    }
    Transpose(words);
#pragma GCC unroll 16
    for (int l = 0; l < 16; ++l) {
      std::byte* lane = args.group + kLanePlace[l] * lane_bytes;
      _mm512_mask_storeu_epi32(lane + step * kFloatGroupRows * 4, mask, words[l]);
    }
  }
}

}  // namespace

const FloatPanelKernels internal::kFloatPanelsAvx512 = {
    .pack_f32 = PackGroup<FloatWord::kF32>,
    .pack_bf16 = PackGroup<FloatWord::kBf16Pair>,
    .f32 = RunFloatPanels<F32Row>,
    .f16 = RunFloatPanels<F16Row>,
    .bf16 = RunFloatPanels<Bf16Row>,
    .bf16_dot = RunFloatPanels<Bf16PairRow>,
};

}  // namespace hyprstream::kernels
