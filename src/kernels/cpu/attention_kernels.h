// Kernels of causal attention over a paged cache, compiled once for each instruction set. They work
// on a tile: some query rows (tokens × heads) that share one head of keys and values. A tile only
// shares loads: every row's result is the same expression whatever rows are beside it.
//
// A row's keys are taken in blocks of kBlockKeys and chunks of kChunkKeys absolute positions. A
// chunk gives a partial softmax (maximum, sum, weighted values); partials are merged in the order
// of their positions. So chunks can be computed anywhere, and the bits are those of one walk over
// all keys.
//
// A page of one head: BF16 keys lie as [head_dim/2][kPageKeys][2] and values as
// [kPageKeys/2][head_dim][2], so that the bf16 dot product's pairs are 32-bit lanes and vectors run
// over keys for the scores, over dimensions for the values; F32 keys as [head_dim][kPageKeys],
// values as [kPageKeys][head_dim].
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"

namespace hyprstream::kernels {

inline constexpr int kPageKeys = 32;
inline constexpr int kBlockKeys = 128;
inline constexpr int kBlockPages = kBlockKeys / kPageKeys;
inline constexpr int kChunkKeys = 512;
inline constexpr int kTileRows = 32;  // at most, in one tile

/// One head of keys and values of one sequence.
struct CachedHead {
  std::byte* base;       // keys of this head in page 0 of the layer
  uint64_t page_stride;  // bytes
  uint64_t values;       // bytes from a page's keys of this head to its values
  const int32_t* pages;  // pages[i] holds positions [i·kPageKeys, (i+1)·kPageKeys)
};

/// Token t's head h: query q + t·q_stride + h·head_dim, result out + t·out_stride + h·head_dim, row
/// t·heads + h of the tile.
struct AttentionTile {
  const float* q;
  int64_t q_stride;
  float* out;
  int64_t out_stride;
  int tokens;
  int heads;
  int head_dim;
  int64_t first_position;  // of token 0
  float scale;             // of the scores; positive
  int64_t window;          // keys that a query sees, itself included; 0 for all before it
  CachedHead cache;
};

// Helpers below are static: a copy compiled for one instruction set must not serve another.

static inline int TileRows(const AttentionTile& tile) { return tile.tokens * tile.heads; }

/// Output vectors are padded so that whole vectors of any instruction set can be written.
static inline constexpr int PaddedHeadDim(int head_dim) { return (head_dim + 15) / 16 * 16; }

/// Softmax over some of the keys, for every row of a tile.
struct PartialSoftmax {
  float* largest;  // [rows] largest score (unscaled); the lowest float when no key was visible
  float* sum;      // [rows] Σ e^(scale·(score − largest))
  float* values;   // [rows, PaddedHeadDim] Σ e^(…)·value
};
static inline constexpr int64_t PartialFloats(int rows, int head_dim) {
  return int64_t{rows} * (PaddedHeadDim(head_dim) + 2);
}
static inline PartialSoftmax PartialAt(float* memory, int rows) {
  return {memory, memory + rows, memory + 2 * rows};
}

/// Per-thread memory for one tile: the queries as the kernel wants them, one block's scores and
/// weights. 64-byte aligned, WorkspaceBytes long.
struct TileWorkspace {
  float* queries;  // rows · head_dim
  float* scores;   // rows · kBlockKeys
  float* weights;  // rows · kBlockKeys
};
static inline constexpr int64_t WorkspaceFloats(int rows, int head_dim) {
  return int64_t{rows} * (PaddedHeadDim(head_dim) + 2 * kBlockKeys);
}
static inline TileWorkspace WorkspaceAt(float* memory, int rows, int head_dim) {
  float* scores = memory + int64_t{rows} * PaddedHeadDim(head_dim);
  return {memory, scores, scores + int64_t{rows} * kBlockKeys};
}

struct AttentionKernels {
  /// Fills workspace.queries; once per tile and workspace.
  void (*prepare)(const AttentionTile& tile, const TileWorkspace& workspace);
  /// The visible keys at positions [chunk·kChunkKeys, (chunk+1)·kChunkKeys).
  void (*attend)(const AttentionTile& tile, int64_t chunk, const TileWorkspace& workspace,
                 const PartialSoftmax& result);
  /// into = into and the later `from` together.
  void (*merge)(const AttentionTile& tile, const PartialSoftmax& into, const PartialSoftmax& from);
  /// out = values / sum.
  void (*finish)(const AttentionTile& tile, const PartialSoftmax& total);
};

enum class CacheType { kF32, kBF16 };

/// BF16 queries and weights are rounded to bf16 where the instruction set multiplies bf16, else
/// computed in f32.
const AttentionKernels& AttentionKernelsFor(Isa isa, CacheType type);

const AttentionKernels& PortableAttentionKernels(CacheType type);
const AttentionKernels& Avx2AttentionKernels(CacheType type);
const AttentionKernels& Avx512AttentionKernels(CacheType type);

}  // namespace hyprstream::kernels
