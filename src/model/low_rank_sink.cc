#include "model/low_rank_sink.h"

#include "ops/low_rank_gradient.h"

namespace hyprstream::model {

void LowRankSink::Take(ops::Context& context, const LinearGradient& gradient) {
  const ops::LowRankView& view = View(gradient.place);
  for (const AdapterUse& use : gradient.adapters) {
    if (use.views != &views_ || use.row_begin == use.row_end) continue;
    auto [found, inserted] = gradients_.try_emplace(gradient.place);
    Gradient& sum = found->second;
    if (inserted) {
      sum.a = Tensor(DType::kF32, {view.rank, gradient.x.cols});
      sum.b = Tensor(DType::kF32, {view.rank, gradient.dy.cols});
    }
    const auto rows = [&](ConstMatrix m) {
      return ConstMatrix{m.row(use.row_begin), use.row_end - use.row_begin, m.cols, m.stride};
    };
    ops::LowRankGradient(context, rows(gradient.x), rows(gradient.dy), view, use.scale,
                         MatrixOf(sum.a), MatrixOf(sum.b), {});
  }
}

}  // namespace hyprstream::model
