// One attention problem that can be computed in many ways: cut into steps, with other page numbers,
// beside other sequences, on any threads; and a plain reference in f64.
#pragma once

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "op_context.h"
#include "ops/attention.h"
#include "tensor/float16.h"

namespace hyprstream::testing {

struct AttentionShape {
  int64_t tokens = 1;
  int64_t kv_heads = 1;
  int64_t group = 1;
  int64_t head_dim = 16;
  int64_t window = 0;
  DType dtype = DType::kF32;

  int64_t heads() const { return kv_heads * group; }
};

/// Memory of a cache of one layer. Every byte is 0xff at first, a NaN in either type: what was not
/// stored must not be used.
class Cache {
 public:
  Cache(const AttentionShape& shape, int64_t pages)
      : page_bytes_(ops::KvLayerView::PageBytes(shape.dtype, shape.kv_heads, shape.head_dim)),
        memory_(static_cast<size_t>(pages) * page_bytes_) {
    std::memset(memory_.data(), 0xff, memory_.size());
    view_ = {memory_.data(), page_bytes_, shape.dtype, shape.kv_heads, shape.head_dim};
  }
  const ops::KvLayerView& view() const { return view_; }

 private:
  uint64_t page_bytes_;
  AlignedBuffer memory_;
  ops::KvLayerView view_;
};

struct AttentionCase {
  AttentionCase(const AttentionShape& s, uint32_t seed, float deviation = 1.0f)
      : shape(s),
        q(RandomRows(s.tokens, s.heads() * s.head_dim, seed, deviation)),
        k(RandomRows(s.tokens, s.kv_heads * s.head_dim, seed + 1)),
        v(RandomRows(s.tokens, s.kv_heads * s.head_dim, seed + 2)) {}

  AttentionShape shape;
  Rows q;
  Rows k;
  Rows v;

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape.head_dim)); }
  ops::AttentionOptions options() const { return {.scale = scale(), .window = shape.window}; }
  int64_t page_count() const { return (shape.tokens + ops::kPageTokens - 1) / ops::kPageTokens; }
  std::vector<int32_t> PagesInOrder() const {
    std::vector<int32_t> pages(static_cast<size_t>(page_count()));
    std::iota(pages.begin(), pages.end(), 0);
    return pages;
  }

  /// Stores and attends in steps of the given sizes, which sum to the number of tokens.
  Rows InSteps(ops::Context& context, std::span<const int64_t> steps,
               std::span<const int32_t> pages, int64_t cache_pages) const {
    const Cache cache(shape, cache_pages);
    Rows out(q.rows, q.cols);
    int64_t begin = 0;
    for (const int64_t count : steps) {
      const ops::SequenceRows sequence{0, count, begin, pages};
      const auto part = [&](const Rows& rows) {
        return ConstMatrix{rows.matrix().row(begin), count, rows.cols, rows.cols};
      };
      ops::StoreKeysValues(context, part(k), part(v), cache.view(), {&sequence, 1});
      ops::Attention(context, part(q), cache.view(), {&sequence, 1}, options(),
                     out.matrix().Rows(begin, count));
      begin += count;
    }
    HYPR_CHECK(begin == shape.tokens);
    return out;
  }
  Rows Whole(ops::Context& context) const {
    const std::vector<int64_t> steps = {shape.tokens};
    return InSteps(context, steps, PagesInOrder(), page_count());
  }
};

enum class QueryRounding { kNone, kBf16 };

/// softmax(scale·q·kᵀ)·v with keys and values as the cache stores them.
inline std::vector<double> ReferenceAttention(const AttentionCase& problem,
                                              QueryRounding rounding = QueryRounding::kNone) {
  const AttentionShape& s = problem.shape;
  const auto stored = [&](float x) {
    return double{s.dtype == DType::kBF16 ? BF16ToF32(F32ToBF16(x)) : x};
  };
  const auto query = [&](float x) {
    return double{rounding == QueryRounding::kBf16 ? BF16ToF32(F32ToBF16(x)) : x};
  };
  std::vector<double> out(problem.q.data.size(), 0.0);
  for (int64_t i = 0; i < s.tokens; ++i) {
    for (int64_t h = 0; h < s.heads(); ++h) {
      const float* q = problem.q.matrix().row(i) + h * s.head_dim;
      const int64_t kv = h / s.group * s.head_dim;
      const int64_t first = s.window > 0 ? std::max<int64_t>(0, i - s.window + 1) : 0;
      std::vector<double> score;
      for (int64_t j = first; j <= i; ++j) {
        const float* k = problem.k.matrix().row(j) + kv;
        double dot = 0;
        for (int64_t d = 0; d < s.head_dim; ++d) dot += query(q[d]) * stored(k[d]);
        score.push_back(dot * double{problem.scale()});
      }
      const double top = *std::max_element(score.begin(), score.end());
      double sum = 0;
      for (double& x : score) sum += x = std::exp(x - top);
      double* y = out.data() + i * problem.q.cols + h * s.head_dim;
      for (int64_t j = first; j <= i; ++j) {
        const float* v = problem.v.matrix().row(j) + kv;
        const double w = score[static_cast<size_t>(j - first)] / sum;
        for (int64_t d = 0; d < s.head_dim; ++d) y[d] += w * stored(v[d]);
      }
    }
  }
  return out;
}

}  // namespace hyprstream::testing
