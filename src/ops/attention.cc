#include "ops/attention.h"

#include <algorithm>
#include <atomic>

#include "kernels/cpu/attention_kernels.h"

namespace hyprstream::ops {
namespace {

using kernels::AttentionTile;
using kernels::PartialSoftmax;

/// Multiply-adds that take about as long as waking the other threads.
constexpr int64_t kParallelMultiplyAdds = 200'000;

/// A tile's place in the batch.
struct TileTask {
  int32_t sequence;
  int32_t first_token;  // of the sequence's rows
  int32_t first_head;   // query head
  int16_t tokens;
  int16_t heads;
};

/// The chunks of keys that a tile's rows see, [begin, end).
struct ChunkRange {
  int64_t begin;
  int64_t end;
};

ChunkRange ChunksOf(const AttentionTile& tile) {
  const int64_t first = tile.window > 0 && tile.first_position >= tile.window
                            ? tile.first_position - tile.window + 1
                            : 0;
  const int64_t last = tile.first_position + tile.tokens - 1;
  return {first / kernels::kChunkKeys, last / kernels::kChunkKeys + 1};
}

class AttentionRun {
 public:
  AttentionRun(Context& context, ConstMatrix q, const KvLayerView& cache,
               std::span<const SequenceRows> sequences, const AttentionOptions& options, Matrix out)
      : context_(context),
        kernel_(kernels::AttentionKernelsFor(context.isa, cache.dtype == DType::kBF16
                                                              ? kernels::CacheType::kBF16
                                                              : kernels::CacheType::kF32)),
        q_(q),
        cache_(cache),
        sequences_(sequences),
        options_(options),
        out_(out),
        head_dim_(static_cast<int>(cache.head_dim)),
        group_(static_cast<int>(q.cols / cache.head_dim / cache.kv_heads)) {
    PlanTiles();
  }

  void Run() {
    const int threads = context_.pool.threads();
    const auto tiles = static_cast<int64_t>(tasks_.size());
    if (threads == 1 || work_ < kParallelMultiplyAdds) {
      float* memory = TileMemory();
      for (const TileTask& task : tasks_) RunTile(task, memory);
    } else if (tiles < 2 * threads && longest_.end - longest_.begin > 1) {
      RunChunks();
    } else {
      RunTiles();
    }
  }

 private:
  void PlanTiles();
  AttentionTile TileOf(const TileTask& task) const;

  int64_t WorkspaceSize() const { return kernels::WorkspaceFloats(tile_rows_, head_dim_); }
  int64_t PartialSize() const { return kernels::PartialFloats(tile_rows_, head_dim_); }
  /// A workspace, the total and one chunk's partial.
  float* TileMemory() {
    return context_.scratch.Allocate<float>(WorkspaceSize() + 2 * PartialSize()).data();
  }

  void RunTile(const TileTask& task, float* memory) const {
    const AttentionTile tile = TileOf(task);
    const int rows = TileRows(tile);
    const kernels::TileWorkspace workspace = kernels::WorkspaceAt(memory, rows, head_dim_);
    const PartialSoftmax total = kernels::PartialAt(memory + WorkspaceSize(), rows);
    const PartialSoftmax part = kernels::PartialAt(memory + WorkspaceSize() + PartialSize(), rows);
    const ChunkRange chunks = ChunksOf(tile);
    kernel_.prepare(tile, workspace);
    kernel_.attend(tile, chunks.begin, workspace, total);
    for (int64_t chunk = chunks.begin + 1; chunk < chunks.end; ++chunk) {
      kernel_.attend(tile, chunk, workspace, part);
      kernel_.merge(tile, total, part);
    }
    kernel_.finish(tile, total);
  }

  /// Causal rows cost unevenly, so threads take the next tile when they are done with one.
  void RunTiles() {
    const auto count = static_cast<int64_t>(tasks_.size());
    const int threads = context_.pool.threads();
    const int64_t size = WorkspaceSize() + 2 * PartialSize();
    const std::span<float> memory = context_.scratch.Allocate<float>(threads * size);
    std::atomic<int64_t> next{0};
    context_.pool.Share([&](int thread) {
      while (true) {
        const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= count) return;
        RunTile(tasks_[static_cast<size_t>(i)], memory.data() + thread * size);
      }
    });
  }

  /// Few tiles over many keys: threads take chunks; then every tile's partials are merged in order.
  void RunChunks() {
    const auto tiles = static_cast<int64_t>(tasks_.size());
    const int64_t most = longest_.end - longest_.begin;
    const std::span<float> partials =
        context_.scratch.Allocate<float>(tiles * most * PartialSize());
    const int threads = context_.pool.threads();
    const std::span<float> memory = context_.scratch.Allocate<float>(threads * WorkspaceSize());
    std::atomic<int64_t> next{0};
    context_.pool.Share([&](int thread) {
      int64_t prepared = -1;
      while (true) {
        const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= tiles * most) return;
        const AttentionTile tile = TileOf(tasks_[static_cast<size_t>(i / most)]);
        const ChunkRange chunks = ChunksOf(tile);
        if (chunks.begin + i % most >= chunks.end) continue;
        const int rows = TileRows(tile);
        const kernels::TileWorkspace workspace =
            kernels::WorkspaceAt(memory.data() + thread * WorkspaceSize(), rows, head_dim_);
        if (prepared != i / most) kernel_.prepare(tile, workspace);
        prepared = i / most;
        kernel_.attend(tile, chunks.begin + i % most, workspace,
                       kernels::PartialAt(partials.data() + i * PartialSize(), rows));
      }
    });
    for (int64_t t = 0; t < tiles; ++t) MergeChunks(t, partials.data() + t * most * PartialSize());
  }

  void MergeChunks(int64_t index, float* partials) const {
    const AttentionTile tile = TileOf(tasks_[static_cast<size_t>(index)]);
    const ChunkRange chunks = ChunksOf(tile);
    const int rows = TileRows(tile);
    const PartialSoftmax total = kernels::PartialAt(partials, rows);
    for (int64_t chunk = 1; chunk < chunks.end - chunks.begin; ++chunk) {
      kernel_.merge(tile, total, kernels::PartialAt(partials + chunk * PartialSize(), rows));
    }
    kernel_.finish(tile, total);
  }

  Context& context_;
  const kernels::AttentionKernels& kernel_;
  ConstMatrix q_;
  const KvLayerView& cache_;
  std::span<const SequenceRows> sequences_;
  AttentionOptions options_;
  Matrix out_;
  int head_dim_;
  int group_;
  std::span<TileTask> tasks_;
  int tile_rows_ = 0;         // of the largest tile
  int64_t work_ = 0;          // multiply-adds, masked ones included
  ChunkRange longest_{0, 0};  // of the tile with the most chunks
};

/// Within a head the tiles with the most keys come first, so that the last ones to be taken are
/// short.
void AttentionRun::PlanTiles() {
  const int heads = std::min(group_, kernels::kTileRows);
  const int head_parts = (group_ + heads - 1) / heads;
  const int tokens = kernels::kTileRows / heads;
  int64_t count = 0;
  for (const SequenceRows& sequence : sequences_) {
    count += (sequence.row_end - sequence.row_begin + tokens - 1) / tokens;
  }
  tasks_ = context_.scratch.Allocate<TileTask>(count * cache_.kv_heads * head_parts);
  size_t made = 0;
  for (size_t s = 0; s < sequences_.size(); ++s) {
    const int64_t rows = sequences_[s].row_end - sequences_[s].row_begin;
    for (int64_t kv_head = 0; kv_head < cache_.kv_heads; ++kv_head) {
      for (int64_t t = (rows + tokens - 1) / tokens - 1; t >= 0; --t) {
        for (int first = 0; first < group_; first += heads) {
          const TileTask task{
              .sequence = static_cast<int32_t>(s),
              .first_token = static_cast<int32_t>(t * tokens),
              .first_head = static_cast<int32_t>(kv_head * group_ + first),
              .tokens = static_cast<int16_t>(std::min<int64_t>(tokens, rows - t * tokens)),
              .heads = static_cast<int16_t>(std::min(heads, group_ - first))};
          tasks_[made++] = task;
          const AttentionTile tile = TileOf(task);
          const ChunkRange chunks = ChunksOf(tile);
          if (chunks.end - chunks.begin > longest_.end - longest_.begin) longest_ = chunks;
          tile_rows_ = std::max(tile_rows_, TileRows(tile));
          work_ += 2 * TileRows(tile) * cache_.head_dim *
                   std::min(tile.first_position + tile.tokens,
                            (chunks.end - chunks.begin) * kernels::kChunkKeys);
        }
      }
    }
  }
}

AttentionTile AttentionRun::TileOf(const TileTask& task) const {
  const SequenceRows& sequence = sequences_[static_cast<size_t>(task.sequence)];
  const int64_t row = sequence.row_begin + task.first_token;
  const int64_t column = int64_t{task.first_head} * head_dim_;
  const int64_t kv_head = task.first_head / group_;
  const uint64_t head_bytes = KvLayerView::PageBytes(cache_.dtype, 1, cache_.head_dim);
  return {.q = q_.row(row) + column,
          .q_stride = q_.stride,
          .out = out_.row(row) + column,
          .out_stride = out_.stride,
          .tokens = task.tokens,
          .heads = task.heads,
          .head_dim = head_dim_,
          .first_position = sequence.first_position + task.first_token,
          .scale = options_.scale,
          .window = options_.window,
          .cache = {.base = cache_.base + static_cast<uint64_t>(kv_head) * head_bytes,
                    .page_stride = cache_.page_stride,
                    .values = head_bytes / 2,
                    .pages = sequence.pages.data()}};
}

}  // namespace

void Attention(Context& context, ConstMatrix q, const KvLayerView& cache,
               std::span<const SequenceRows> sequences, const AttentionOptions& options,
               Matrix out) {
  HYPR_CHECK(cache.dtype == DType::kF32 || cache.dtype == DType::kBF16);
  HYPR_CHECK(cache.head_dim > 0 && cache.kv_heads > 0);
  HYPR_CHECK(cache.dtype == DType::kF32 || cache.head_dim % 2 == 0);
  HYPR_CHECK(q.cols > 0 && q.cols % (cache.kv_heads * cache.head_dim) == 0);
  HYPR_CHECK(q.rows == out.rows && q.cols == out.cols);
  HYPR_CHECK(options.scale > 0 && options.window >= 0);
  for (const SequenceRows& sequence : sequences) {
    const int64_t count = sequence.row_end - sequence.row_begin;
    HYPR_CHECK(count >= 0 && sequence.row_begin >= 0 && sequence.row_end <= q.rows);
    HYPR_CHECK(sequence.first_position >= 0);
    HYPR_CHECK((sequence.first_position + count + kPageTokens - 1) / kPageTokens <=
               static_cast<int64_t>(sequence.pages.size()));
  }
  const Scratch::Frame frame(context.scratch);
  AttentionRun(context, q, cache, sequences, options, out).Run();
}

}  // namespace hyprstream::ops
