// Packed weights times int8 activations. Per sub-block (32 or 16 elements of k) an exact integer
// dot product, then one fixed expression in f32:
//   acc ← float(Σ q·(code − offset)) · (scale_w · scale_x) + acc,  acc ← minimum · Σx + acc,
// sub-blocks in the order of k. A record is widened once into the L1 cache and serves every row of
// x. Included by the instruction-set files only; `V` is their unnamed-namespace type with what
// packed_format.h wants and
//   kMaxRows   rows of x in a register tile: a power of two
//   Acc        a strip's sixteen sums; Zero(), LoadSums(pointer), StoreSums(pointer, Acc)
//   Tile<MR, Format>(const TileArgs&, const Source&, Acc[MR])   Source: Direct or Buffered, below
#pragma once

#include <utility>

#include "kernels/cpu/matmul.h"
#include "kernels/cpu/packed_format.h"

namespace hyprstream::kernels {

/// What each row of x adds, per sub-block: the start of the integer sum (−offset · Σq), and Σx.
struct alignas(64) RowTerms {
  int32_t start[16];
  float sum[16];
};

struct TileArgs {
  const ActivationBlock* x;  // of the first row
  int64_t x_stride;          // ActivationBlocks from row to row
  const RowTerms* terms;     // one per row
  const RecordScales* weight;
  int blocks;            // of 32 elements
  const uint8_t* fetch;  // the record that comes later, or null
};

/// Fetches what comes later, spread over the blocks of a record: in a burst the fetches wait for
/// one another. For one row into the first-level cache, `near_fetch_bytes` ahead. For several rows
/// into the second: fetched into the first, where x and the record in use live, Q8_0 times eight
/// rows ran at half the speed.
template <class Format, int MR>
inline void FetchAhead(const TileArgs& t, int b) {
  if (t.fetch == nullptr) return;
  constexpr int kBytes = Format::kRecordBytes * 2;  // sixteen rows, an eighth of a record
  constexpr int kLevel = MR == 1 ? 3 : 2;
  for (int i = 0; i < kBytes; i += 64) __builtin_prefetch(t.fetch + kBytes * b + i, 0, kLevel);
}

/// Codes as they lie in the record.
template <class V, class Format>
struct Direct {
  Planes planes;
  template <int g>
  typename V::Bytes Codes(int b) const {
    return Format::template Codes<g>(planes, b);
  }
};

/// Codes widened to bytes: [block][group][64].
template <class V>
struct Buffered {
  const uint8_t* codes;
  template <int g>
  typename V::Bytes Codes(int b) const {
    return V::Load(codes + 512 * b + 64 * g);
  }
};

/// Calls body<0>(), …, body<count − 1>().
template <int count, class Body>
inline __attribute__((always_inline)) void Unroll(Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (body.template operator()<i>(), ...);
  }
  (std::make_integer_sequence<int, count>());
}

inline constexpr int64_t kGroupStrips = 4;
inline constexpr int64_t kPackedRowBlock = 128;
inline constexpr int64_t kFarFetchBytes = 12 << 10;
inline constexpr int64_t kAccStride = kGroupStrips * kStripRows;

/// A group of strips at one record: what is widened of it.
struct alignas(64) Group {
  RecordScales scales[kGroupStrips];
  uint8_t codes[kGroupStrips][4096];
  const uint8_t* records[kGroupStrips];
  int64_t strips;
};
static_assert(static_cast<int64_t>(sizeof(Group)) +
                  kPackedRowBlock * kAccStride * static_cast<int64_t>(sizeof(float)) <=
              kPackedScratchBytes);

template <class V, class Format>
inline void FillTerms(const ActivationBlock& x, RowTerms& terms) {
  for (int j = 0; j < 256 / Format::kSub; ++j) {
    int total = 0;
    if constexpr (Format::kSub == 32) {
      total = x.sum[2 * j] + x.sum[2 * j + 1];
    } else {
      total = x.sum[j];
    }
    if constexpr (Format::kMinima) {
      terms.sum[j] = static_cast<float>(total) * x.scale[j * Format::kSub / 32];
    } else {
      terms.start[j] = -Format::kOffset * total;
    }
  }
}

/// One record of the work: rows [row, end) of x, whose accumulators begin at acc.
struct RecordRows {
  int64_t record;
  int blocks;
  int64_t row;
  int64_t end;
  float* acc;
};

enum class Codes { kDirect, kBuffered };

template <class V, class Format, Codes kCodes, int MR>
inline void PackedRows(const PackedMatmulArgs& a, const Group& group, RecordRows r) {
  const int64_t stride = ActivationBlocks(a.k);
  for (; r.row + MR <= r.end; r.row += MR, r.acc += MR * kAccStride) {
    const ActivationBlock* x = a.x + r.row * stride + r.record;
    RowTerms terms[MR];
    for (int m = 0; m < MR; ++m) FillTerms<V, Format>(x[m * stride], terms[m]);
    for (int64_t s = 0; s < group.strips; ++s) {
      const TileArgs tile{.x = x,
                          .x_stride = stride,
                          .terms = terms,
                          .weight = &group.scales[s],
                          .blocks = r.blocks,
                          .fetch = r.row == 0 ? group.records[s] + kFarFetchBytes : nullptr};
      float* sums = r.acc + s * kStripRows;
      typename V::Acc acc[MR];
      for (int m = 0; m < MR; ++m) acc[m] = V::LoadSums(sums + m * kAccStride);
      if constexpr (kCodes == Codes::kDirect) {
        const Direct<V, Format> source{Format::Locate(group.records[s], r.blocks)};
        V::template Tile<MR, Format>(tile, source, acc);
      } else {
        V::template Tile<MR, Format>(tile, Buffered<V>{group.codes[s]}, acc);
      }
      for (int m = 0; m < MR; ++m) V::StoreSums(sums + m * kAccStride, acc[m]);
    }
  }
  if constexpr (MR > 1) PackedRows<V, Format, kCodes, MR / 2>(a, group, r);
}

template <class V, class Format>
inline void WidenCodes(const uint8_t* record, int blocks, uint8_t* out) {
  const Planes planes = Format::Locate(record, blocks);
  for (int b = 0; b < blocks; ++b) {
    Unroll<8>(
        [&]<int g>() { V::Store(out + 512 * b + 64 * g, Format::template Codes<g>(planes, b)); });
  }
}

/// Rows [begin, end) of x times the group of strips that begins with output `first`.
template <class V, class Format, Codes kCodes, int64_t kStrips>
inline void PackedGroup(const PackedMatmulArgs& a, int64_t first, int64_t begin, int64_t end) {
  Group& group = *reinterpret_cast<Group*>(a.scratch);
  float* acc = reinterpret_cast<float*>(a.scratch + sizeof(Group));
  const int64_t most = kStrips * kStripRows;
  const int64_t outputs = a.outputs - first < most ? a.outputs - first : most;
  group.strips = (outputs + kStripRows - 1) / kStripRows;
  std::memset(acc, 0, static_cast<size_t>((end - begin) * kAccStride) * sizeof(float));
  const auto* strips = reinterpret_cast<const uint8_t*>(a.strips);
  for (int64_t k = 0, record = 0; k < a.k; k += kSuperBlock, ++record) {
    const int blocks = static_cast<int>(a.k - k < kSuperBlock ? (a.k - k) / 32 : 8);
    for (int64_t s = 0; s < group.strips; ++s) {
      group.records[s] = strips + (first / kStripRows + s) * a.strip_stride +
                         record * kStripRows * Format::kRecordBytes;
      Format::Scales(group.records[s], blocks, group.scales[s]);
      if constexpr (kCodes == Codes::kBuffered) {
        WidenCodes<V, Format>(group.records[s], blocks, group.codes[s]);
      }
    }
    PackedRows<V, Format, kCodes, V::kMaxRows>(a, group, {record, blocks, begin, end, acc});
  }
  for (int64_t m = begin; m < end; ++m, acc += kAccStride) {
    float* y = a.y + m * a.y_stride + first;
    for (int64_t i = 0; i < outputs; ++i) {
      y[i] = a.bias == nullptr ? acc[i] : acc[i] + a.bias[first + i];
    }
  }
}

/// A block of rows times all strips, kStrips at a time.
template <class V, class Format, Codes kCodes, int64_t kStrips>
inline void PackedBlock(const PackedMatmulArgs& a, int64_t begin, int64_t end) {
  for (int64_t first = 0; first < a.outputs; first += kStrips * kStripRows) {
    PackedGroup<V, Format, kCodes, kStrips>(a, first, begin, end);
  }
}

inline constexpr int64_t kOneRowRecords =
    (kPackedScratchBytes - static_cast<int64_t>(sizeof(RecordScales))) /
    static_cast<int64_t>(sizeof(RowTerms));

/// One row of x: what it adds to each record is made once for all strips, and a strip's sums stay
/// in registers from end to end.
template <class V, class Format>
inline void PackedOneRow(const PackedMatmulArgs& a) {
  RecordScales& scales = *reinterpret_cast<RecordScales*>(a.scratch);
  auto* terms = reinterpret_cast<RowTerms*>(a.scratch + sizeof(RecordScales));
  const int64_t records = ActivationBlocks(a.k);
  for (int64_t i = 0; i < records; ++i) FillTerms<V, Format>(a.x[i], terms[i]);
  const int last_blocks = static_cast<int>((a.k - (records - 1) * kSuperBlock) / 32);
  for (int64_t first = 0; first < a.outputs; first += kStripRows) {
    const auto* record =
        reinterpret_cast<const uint8_t*>(a.strips) + first / kStripRows * a.strip_stride;
    typename V::Acc acc[1] = {V::Zero()};
    for (int64_t i = 0; i < records; ++i, record += kStripRows * Format::kRecordBytes) {
      const int blocks = i + 1 < records ? 8 : last_blocks;
      Format::Scales(record, blocks, scales);
      V::template Tile<1, Format>({.x = a.x + i,
                                   .x_stride = 0,
                                   .terms = terms + i,
                                   .weight = &scales,
                                   .blocks = blocks,
                                   .fetch = record + a.near_fetch_bytes},
                                  Direct<V, Format>{Format::Locate(record, blocks)}, acc);
    }
    alignas(64) float sums[kStripRows];
    V::StoreSums(sums, acc[0]);
    const int64_t outputs = a.outputs - first < kStripRows ? a.outputs - first : kStripRows;
    for (int64_t i = 0; i < outputs; ++i) {
      a.y[first + i] = a.bias == nullptr ? sums[i] : sums[i] + a.bias[first + i];
    }
  }
}

template <class V, class Format>
inline void RunPackedMatmul(const PackedMatmulArgs& a) {
  if (a.rows == 1 && ActivationBlocks(a.k) <= kOneRowRecords) return PackedOneRow<V, Format>(a);
  // Few rows: the weights come from memory, fastest as one stream.
  if (a.rows <= V::kMaxRows) return PackedBlock<V, Format, Codes::kDirect, 1>(a, 0, a.rows);
  for (int64_t begin = 0; begin < a.rows; begin += kPackedRowBlock) {
    const int64_t end = begin + kPackedRowBlock < a.rows ? begin + kPackedRowBlock : a.rows;
    PackedBlock<V, Format, Format::kWholeBytes ? Codes::kDirect : Codes::kBuffered, kGroupStrips>(
        a, begin, end);
  }
}

/// In the order of DType, kQ4_0 to kIQ4_XS.
#define HYPR_PACKED_MATMULS(V)                                                    \
  {                                                                               \
    RunPackedMatmul<V, SimpleFormat<V, 4, false, 8>>,                             \
        RunPackedMatmul<V, SimpleFormat<V, 4, true, 0>>,                          \
        RunPackedMatmul<V, SimpleFormat<V, 5, false, 16>>,                        \
        RunPackedMatmul<V, SimpleFormat<V, 5, true, 0>>,                          \
        RunPackedMatmul<V, SimpleFormat<V, 8, false, 128>>,                       \
        RunPackedMatmul<V, SimpleFormat<V, 4, false, 128, Levels::kIq4>>,         \
        RunPackedMatmul<V, Q2KFormat<V>>, RunPackedMatmul<V, Q3KFormat<V>>,       \
        RunPackedMatmul<V, K45Format<V, 4>>, RunPackedMatmul<V, K45Format<V, 5>>, \
        RunPackedMatmul<V, Q6KFormat<V>>, RunPackedMatmul<V, Iq4XsFormat<V>>      \
  }

}  // namespace hyprstream::kernels
