// The walk of one tile over its keys (AttentionKernels), for any Pages type. Included after one
// lanes_*.h and the Pages headers. Online softmax: Milakov & Gimelshein 2018, algorithm 3.
#pragma once

#include <cstdint>

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/exp_body.h"

namespace hyprstream::kernels {
namespace {

/// What stands for the maximum of no scores: finite, so that differences are not NaN.
constexpr float kLowest = -3.40282347e38f;

/// Keys [begin, end) of a block that a row sees.
struct KeyRange {
  int begin;
  int end;
};

inline int64_t FirstVisible(const AttentionTile& tile, int64_t position) {
  return tile.window > 0 && position >= tile.window ? position - tile.window + 1 : 0;
}

inline KeyRange VisibleInBlock(const AttentionTile& tile, int row, int64_t block_begin) {
  const int64_t position = tile.first_position + row / tile.heads;
  const int64_t begin = FirstVisible(tile, position) - block_begin;
  const int64_t end = position + 1 - block_begin;
  const auto clamp = [](int64_t v) {
    return static_cast<int>(v < 0 ? 0 : (v > kBlockKeys ? kBlockKeys : v));
  };
  return {clamp(begin), clamp(end)};
}

/// Calls step.operator()<R>(first_row) for groups of rows that fit the registers.
template <typename Step>
inline void ForRowGroups(int rows, Step step) {
  int row = 0;
  if constexpr (Lanes::kScoreRows == 8) {
    for (; row + 8 <= rows; row += 8) step.template operator()<8>(row);
  }
  for (; row + 4 <= rows; row += 4) step.template operator()<4>(row);
  for (; row + 2 <= rows; row += 2) step.template operator()<2>(row);
  if (row < rows) step.template operator()<1>(row);
}

template <typename Pages>
void PrepareTile(const AttentionTile& tile, const TileWorkspace& workspace) {
  ForRowGroups(TileRows(tile), [&]<int R>(int first) {
    const float* rows[R];
    for (int r = 0; r < R; ++r) {
      const int row = first + r;
      rows[r] = tile.q + (row / tile.heads) * tile.q_stride + (row % tile.heads) * tile.head_dim;
    }
    Pages::template PackQueries<R>(
        rows, tile.head_dim, workspace.queries + int64_t{first} * PaddedHeadDim(tile.head_dim));
  });
}

inline const std::byte* KeysOf(const AttentionTile& tile, int64_t page) {
  return tile.cache.base + static_cast<uint64_t>(tile.cache.pages[page]) * tile.cache.page_stride;
}

/// Scores of one row's visible keys become weights e^(scale·(score − largest)); the row's maximum
/// and sum advance. Gives the factor for what was accumulated under the former maximum.
template <typename Pages>
float AdvanceSoftmax(const float* scores, KeyRange range, float scale,
                     typename Pages::Weight* weights, float* largest, float* sum) {
  using L = Lanes;
  const L::F lowest = L::Set(kLowest);
  const int first = range.begin / L::kCount * L::kCount;
  L::F top = lowest;
  for (int i = first; i < range.end; i += L::kCount) {
    L::F s = L::Load(scores + i);
    if (i < range.begin || i + L::kCount > range.end) {
      s = L::Inside(s, range.begin - i, range.end - i, lowest);
    }
    top = L::Max(top, s);
  }
  const float before = *largest;
  const float block_top = L::Largest(top);
  const float now = block_top > before ? block_top : before;
  const L::F shift = L::Set(now);
  const L::F factor = L::Set(scale);
  L::F total = L::Set(0.0f);
  for (int i = first; i < range.end; i += L::kCount) {
    L::F w = Exp(L::Mul(L::Sub(L::Load(scores + i), shift), factor));
    if (i < range.begin || i + L::kCount > range.end) {
      w = L::Inside(w, range.begin - i, range.end - i, L::Set(0.0f));
    }
    total = L::Add(total, Pages::StoreWeights(weights + i, w));
  }
  float rescale = 1.0f;
  if (now != before) {
    float lanes[L::kCount];
    L::Store(lanes, Exp(L::Set((before - now) * scale)));
    rescale = lanes[0];
  }
  *largest = now;
  *sum = *sum * rescale + L::Sum(total);
  return rescale;
}

inline void ScaleValues(float* values, int padded, float factor) {
  const Lanes::F f = Lanes::Set(factor);
  for (int i = 0; i < padded; i += Lanes::kCount) {
    Lanes::Store(values + i, Lanes::Mul(Lanes::Load(values + i), f));
  }
}

/// R rows' values of all dimensions over keys [begin, end) of a block, page by page.
template <typename Pages, int R>
void AccumulateRows(const AttentionTile& tile, int64_t first_page, KeyRange keys,
                    const typename Pages::Weight* weights, float* values) {
  constexpr int kWide = R == 1 ? Lanes::kWideVectors : Lanes::kRowVectors;
  const int stride = PaddedHeadDim(tile.head_dim);
  const int64_t last_page = (tile.first_position + tile.tokens - 1) / kPageKeys;
  for (int page = keys.begin / kPageKeys; page * kPageKeys < keys.end; ++page) {
    const std::byte* memory = KeysOf(tile, first_page + page) + tile.cache.values;
    const int64_t next = first_page + page + kBlockPages;
    const std::byte* ahead = next <= last_page ? KeysOf(tile, next) : memory;
    const int base = page * kPageKeys;
    const int begin = keys.begin > base ? keys.begin - base : 0;
    const int end = keys.end - base < kPageKeys ? keys.end - base : kPageKeys;
    int dimension = 0;
    for (; dimension + kWide * Lanes::kCount <= tile.head_dim; dimension += kWide * Lanes::kCount) {
      Pages::template Accumulate<R, kWide>(memory, ahead, tile.head_dim, dimension, Lanes::kCount,
                                           begin, end, weights + base, values, stride);
    }
    for (; dimension < tile.head_dim; dimension += Lanes::kCount) {
      const int left = tile.head_dim - dimension;
      Pages::template Accumulate<R, 1>(memory, ahead, tile.head_dim, dimension,
                                       left < Lanes::kCount ? left : Lanes::kCount, begin, end,
                                       weights + base, values, stride);
    }
  }
}

/// Four rows together over the pages that all of them see whole, each alone over the rest; every
/// row's keys in ascending order.
template <typename Pages>
void AccumulateFour(const AttentionTile& tile, int64_t first_page, const KeyRange* ranges,
                    const typename Pages::Weight* weights, float* values) {
  KeyRange common = ranges[0];
  for (int r = 1; r < 4; ++r) {
    if (ranges[r].begin > common.begin) common.begin = ranges[r].begin;
    if (ranges[r].end < common.end) common.end = ranges[r].end;
  }
  common.begin = (common.begin + kPageKeys - 1) / kPageKeys * kPageKeys;
  common.end = common.end / kPageKeys * kPageKeys;
  const bool shared = common.begin < common.end;
  const int stride = PaddedHeadDim(tile.head_dim);
  const auto alone = [&](int r, KeyRange keys) {
    if (keys.begin >= keys.end) return;
    AccumulateRows<Pages, 1>(tile, first_page, keys, weights + r * kBlockKeys, values + r * stride);
  };
  for (int r = 0; r < 4; ++r) {
    alone(r, {ranges[r].begin, shared ? common.begin : ranges[r].end});
  }
  if (!shared) return;
  AccumulateRows<Pages, 4>(tile, first_page, common, weights, values);
  for (int r = 0; r < 4; ++r) alone(r, {common.end, ranges[r].end});
}

/// The keys at positions [begin, end), which some row of the tile sees, of one block.
template <typename Pages>
void AttendBlock(const AttentionTile& tile, int64_t block_begin, int64_t begin, int64_t end,
                 const TileWorkspace& workspace, const PartialSoftmax& result) {
  const int rows = TileRows(tile);
  const int padded = PaddedHeadDim(tile.head_dim);
  for (int64_t page = begin / kPageKeys; page * kPageKeys < end; ++page) {
    float* scores = workspace.scores + (page * kPageKeys - block_begin);
    const std::byte* keys = KeysOf(tile, page);
    ForRowGroups(rows, [&]<int R>(int row) {
      const std::byte* ahead = row == 0 ? keys + tile.cache.values : keys;
      Pages::template Scores<R>(workspace.queries + int64_t{row} * padded, keys, ahead,
                                tile.head_dim, scores + int64_t{row} * kBlockKeys);
    });
  }
  auto* weights = reinterpret_cast<typename Pages::Weight*>(workspace.weights);
  KeyRange ranges[kTileRows];
  for (int row = 0; row < rows; ++row) {
    KeyRange& range = ranges[row];
    range = VisibleInBlock(tile, row, block_begin);
    if (range.begin >= range.end) continue;
    const float rescale = AdvanceSoftmax<Pages>(workspace.scores + int64_t{row} * kBlockKeys, range,
                                                tile.scale, weights + int64_t{row} * kBlockKeys,
                                                result.largest + row, result.sum + row);
    if (rescale != 1.0f) ScaleValues(result.values + int64_t{row} * padded, padded, rescale);
  }
  const int64_t first_page = block_begin / kPageKeys;
  int row = 0;
  for (; row + 4 <= rows; row += 4) {
    AccumulateFour<Pages>(tile, first_page, ranges + row, weights + int64_t{row} * kBlockKeys,
                          result.values + int64_t{row} * padded);
  }
  for (; row < rows; ++row) {
    if (ranges[row].begin >= ranges[row].end) continue;
    AccumulateRows<Pages, 1>(tile, first_page, ranges[row], weights + int64_t{row} * kBlockKeys,
                             result.values + int64_t{row} * padded);
  }
}

template <typename Pages>
void AttendChunk(const AttentionTile& tile, int64_t chunk, const TileWorkspace& workspace,
                 const PartialSoftmax& result) {
  const int rows = TileRows(tile);
  const int64_t floats = int64_t{rows} * PaddedHeadDim(tile.head_dim);
  for (int r = 0; r < rows; ++r) {
    result.largest[r] = kLowest;
    result.sum[r] = 0.0f;
  }
  for (int64_t i = 0; i < floats; ++i) result.values[i] = 0.0f;
  const int64_t visible_begin = FirstVisible(tile, tile.first_position);
  const int64_t visible_end = tile.first_position + tile.tokens;
  for (int block = 0; block < kChunkKeys / kBlockKeys; ++block) {
    const int64_t block_begin = chunk * kChunkKeys + block * kBlockKeys;
    const int64_t block_end = block_begin + kBlockKeys;
    const int64_t begin = block_begin > visible_begin ? block_begin : visible_begin;
    const int64_t end = block_end < visible_end ? block_end : visible_end;
    if (begin < end) AttendBlock<Pages>(tile, block_begin, begin, end, workspace, result);
  }
}

/// e^(scale·(a − b)).
inline float ScoreRatio(float a, float b, float scale) {
  float lanes[Lanes::kCount];
  Lanes::Store(lanes, Exp(Lanes::Set((a - b) * scale)));
  return lanes[0];
}

void MergePartials(const AttentionTile& tile, const PartialSoftmax& into,
                   const PartialSoftmax& from) {
  using L = Lanes;
  const int padded = PaddedHeadDim(tile.head_dim);
  for (int r = 0; r < TileRows(tile); ++r) {
    const float largest = into.largest[r] > from.largest[r] ? into.largest[r] : from.largest[r];
    const float a = ScoreRatio(into.largest[r], largest, tile.scale);
    const float b = ScoreRatio(from.largest[r], largest, tile.scale);
    into.largest[r] = largest;
    into.sum[r] = into.sum[r] * a + from.sum[r] * b;
    float* x = into.values + int64_t{r} * padded;
    const float* y = from.values + int64_t{r} * padded;
    for (int i = 0; i < padded; i += L::kCount) {
      L::Store(x + i, L::MulAdd(L::Load(x + i), L::Set(a), L::Mul(L::Load(y + i), L::Set(b))));
    }
  }
}

void FinishTile(const AttentionTile& tile, const PartialSoftmax& total) {
  using L = Lanes;
  const int padded = PaddedHeadDim(tile.head_dim);
  for (int r = 0; r < TileRows(tile); ++r) {
    const float* values = total.values + int64_t{r} * padded;
    float* out = tile.out + (r / tile.heads) * tile.out_stride + (r % tile.heads) * tile.head_dim;
    const L::F inverse = L::Set(1.0f / total.sum[r]);
    for (int i = 0; i < tile.head_dim; i += L::kCount) {
      const int left = tile.head_dim - i;
      // Adding zero makes a negative zero positive, whichever keys of no weight were walked over.
      const L::F v = L::Add(L::Mul(L::Load(values + i), inverse), L::Set(0.0f));
      if (left < L::kCount) {
        L::StoreFirst(out + i, v, left);
      } else {
        L::Store(out + i, v);
      }
    }
  }
}

template <typename Pages>
constexpr AttentionKernels kAttentionKernels = {
    .prepare = PrepareTile<Pages>,
    .attend = AttendChunk<Pages>,
    .merge = MergePartials,
    .finish = FinishTile,
};

}  // namespace
}  // namespace hyprstream::kernels
