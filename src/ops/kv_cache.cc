#include <algorithm>

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/page_layout.h"
#include "kernels/cpu/row_kernels.h"
#include "ops/attention.h"
#include "ops/row_parallel.h"
#include "tensor/float16.h"

namespace hyprstream::ops {
namespace {

static_assert(kPageTokens == kernels::kPageKeys);

uint64_t HeadBytes(const KvLayerView& cache) {
  return static_cast<uint64_t>(cache.head_dim) * kPageTokens * Info(cache.dtype).block_bits / 8;
}

void CheckCache(const KvLayerView& cache) {
  HYPR_CHECK(cache.dtype == DType::kF32 || cache.dtype == DType::kBF16);
  HYPR_CHECK(cache.dtype == DType::kF32 || cache.head_dim % 2 == 0);
}

struct Slot {
  std::byte* page;
  int index;
};

Slot SlotAt(const KvLayerView& cache, std::span<const int32_t> pages, int64_t position) {
  const int32_t page = pages[static_cast<size_t>(position / kPageTokens)];
  return {cache.base + static_cast<uint64_t>(page) * cache.page_stride,
          static_cast<int>(position % kPageTokens)};
}

/// Rows [begin, end) of the batch, tokens of one sequence of which `begin` is at `position`. Heads
/// are the outer loop: a head's page stays in the first-level cache while its tokens are scattered
/// over it.
class RowsWriter {
 public:
  RowsWriter(const Context& context, const KvLayerView& cache, ConstMatrix keys, ConstMatrix values)
      : to_bf16_(kernels::RowKernelsFor(context.isa).to_bf16),
        cache_(cache),
        keys_(keys),
        values_(values) {}

  void Write(int64_t begin, int64_t end, int64_t position, std::span<const int32_t> pages) const {
    const uint64_t head_bytes = HeadBytes(cache_);
    for (int64_t head = 0; head < cache_.kv_heads; ++head) {
      const uint64_t offset = static_cast<uint64_t>(head) * 2 * head_bytes;
      for (int64_t row = begin; row < end; ++row) {
        const Slot slot = SlotAt(cache_, pages, position + row - begin);
        const float* key = keys_.row(row) + head * cache_.head_dim;
        const float* value = values_.row(row) + head * cache_.head_dim;
        WriteOne(slot.page + offset, slot.page + offset + head_bytes, slot.index, key, value);
      }
    }
  }

 private:
  void WriteOne(std::byte* key_page, std::byte* value_page, int slot, const float* key,
                const float* value) const {
    const int head_dim = static_cast<int>(cache_.head_dim);
    if (cache_.dtype == DType::kF32) {
      kernels::StorePageKey(key_page, slot, head_dim, key);
      kernels::StorePageValue(value_page, slot, head_dim, value);
      return;
    }
    constexpr int kMost = 512;
    HYPR_CHECK(head_dim <= kMost);
    uint16_t rounded[kMost];
    to_bf16_(key, head_dim, rounded);
    kernels::StorePageKey(key_page, slot, head_dim, rounded);
    to_bf16_(value, head_dim, rounded);
    kernels::StorePageValue(value_page, slot, head_dim, rounded);
  }

  void (*to_bf16_)(const float*, int64_t, uint16_t*);
  const KvLayerView& cache_;
  ConstMatrix keys_;
  ConstMatrix values_;
};

}  // namespace

uint64_t KvLayerView::PageBytes(DType dtype, int64_t kv_heads, int64_t head_dim) {
  const KvLayerView shape{.dtype = dtype, .kv_heads = kv_heads, .head_dim = head_dim};
  return 2 * static_cast<uint64_t>(kv_heads) * HeadBytes(shape);
}

void StoreKeysValues(Context& context, ConstMatrix keys, ConstMatrix values,
                     const KvLayerView& cache, std::span<const SequenceRows> sequences) {
  CheckCache(cache);
  HYPR_CHECK(keys.cols == cache.kv_heads * cache.head_dim && values.cols == keys.cols);
  HYPR_CHECK(keys.rows == values.rows);
  const RowsWriter writer(context, cache, keys, values);
  for (const SequenceRows& sequence : sequences) {
    const int64_t count = sequence.row_end - sequence.row_begin;
    HYPR_CHECK(count >= 0 && sequence.row_begin >= 0 && sequence.row_end <= keys.rows);
    HYPR_CHECK(sequence.first_position >= 0);
    HYPR_CHECK((sequence.first_position + count + kPageTokens - 1) / kPageTokens <=
               static_cast<int64_t>(sequence.pages.size()));
    ForRows(context, (count + kPageTokens - 1) / kPageTokens, 2 * kPageTokens * keys.cols,
            [&](int64_t begin, int64_t end) {
              for (int64_t part = begin; part < end; ++part) {
                const int64_t first = part * kPageTokens;
                const int64_t last = std::min(first + kPageTokens, count);
                writer.Write(sequence.row_begin + first, sequence.row_begin + last,
                             sequence.first_position + first, sequence.pages);
              }
            });
  }
}

void LoadKeysValues(const KvLayerView& cache, std::span<const int32_t> pages,
                    int64_t first_position, Matrix keys, Matrix values) {
  CheckCache(cache);
  HYPR_CHECK(keys.cols == cache.kv_heads * cache.head_dim && values.cols == keys.cols);
  HYPR_CHECK(keys.rows == values.rows && first_position >= 0);
  const int head_dim = static_cast<int>(cache.head_dim);
  const uint64_t head_bytes = HeadBytes(cache);
  std::vector<uint16_t> bits(static_cast<size_t>(head_dim));
  const auto widen = [&](float* out) { std::transform(bits.begin(), bits.end(), out, BF16ToF32); };
  for (int64_t row = 0; row < keys.rows; ++row) {
    const Slot slot = SlotAt(cache, pages, first_position + row);
    for (int64_t head = 0; head < cache.kv_heads; ++head) {
      const std::byte* page = slot.page + static_cast<uint64_t>(head) * 2 * head_bytes;
      float* key = keys.row(row) + head * head_dim;
      float* value = values.row(row) + head * head_dim;
      if (cache.dtype == DType::kF32) {
        kernels::LoadPageKey(page, slot.index, head_dim, key);
        kernels::LoadPageValue(page + head_bytes, slot.index, head_dim, value);
      } else {
        kernels::LoadPageKey(page, slot.index, head_dim, bits.data());
        widen(key);
        kernels::LoadPageValue(page + head_bytes, slot.index, head_dim, bits.data());
        widen(value);
      }
    }
  }
}

}  // namespace hyprstream::ops
