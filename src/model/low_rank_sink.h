// The gradient of one adapter: a sink that adds up dA and dB of every place where the adapter has
// components. One thread; the views must outlive it.
#pragma once

#include <map>

#include "model/gradient_sink.h"
#include "tensor/tensor.h"

namespace hyprstream::model {

class LowRankSink final : public GradientSink {
 public:
  struct Gradient {
    Tensor a;  // f32 [rank, in], as LowRankView::a
    Tensor b;  // f32 [rank, out], as LowRankView::b
  };

  /// Uses of other adapters in a batch are passed over.
  explicit LowRankSink(const AdapterViews& views) : views_(views) {}

  bool Wants(const ModulePlace& place) const override { return View(place).rank > 0; }
  void Take(ops::Context& context, const LinearGradient& gradient) override;

  /// Every place that got something; a place whose rows no batch reached is absent.
  const std::map<ModulePlace, Gradient>& gradients() const { return gradients_; }
  void Clear() { gradients_.clear(); }

 private:
  const ops::LowRankView& View(const ModulePlace& place) const {
    return views_.At(place.layer, place.module, place.expert);
  }

  const AdapterViews& views_;
  std::map<ModulePlace, Gradient> gradients_;
};

}  // namespace hyprstream::model
