#include "adapters/merged_gguf.h"

#include <algorithm>

#include "adapters/base_modules.h"
#include "adapters/merge_rows.h"
#include "base/error.h"
#include "convert/layout.h"
#include "formats/small_files.h"

namespace hyprstream::adapters {
namespace {

using convert::LaidTensor;
using formats::ByteSink;
using formats::StreamedTensor;

class Builder {
 public:
  Builder(const formats::ModelFiles& files, const model::ModelConfig& config,
          const model::AdapterViews& views)
      : files_(files), views_(views), places_(PlacesOf(config)) {}

  StreamedTensor TensorOf(const LaidTensor& laid, MergeType type, MergedTensors& merged) const {
    if (laid.parts.empty()) {
      return {.name = laid.name,
              .dtype = DType::kF32,
              .shape = laid.shape,
              .write = [values = laid.values](const ByteSink& sink) {
                sink(std::as_bytes(std::span(values)));
              }};
    }
    std::vector<MergedRows> parts;
    for (const convert::Part& part : laid.parts) parts.push_back(RowsOf(part, laid));
    const bool changed =
        std::ranges::any_of(parts, [](const MergedRows& rows) { return !rows.updates.empty(); });
    if (changed) ++merged.changed;
    const DType base = parts.front().base.dtype;
    const DType dtype = laid.small ? DType::kF32 : changed ? TypeOfMerged(base, type) : base;
    return {.name = laid.name,
            .dtype = dtype,
            .shape = laid.shape,
            .write = [files = &files_, parts = std::move(parts), dtype](const ByteSink& sink) {
              for (const MergedRows& rows : parts) {
                WritePart(rows, dtype, sink);
                if (const MappedFile* mapping = files->MappingOf(rows.base)) {
                  mapping->DropPages(rows.base.bytes);
                }
              }
            }};
  }

 private:
  MergedRows RowsOf(const convert::Part& part, const LaidTensor& laid) const {
    const bool paired = part.order.move == convert::RowOrder::Move::kPair;
    MergedRows rows{.name = laid.name, .base = part.view, .from = {}, .to = {}, .updates = {}};
    if (paired) rows.to.paired_head = part.order.head_dim;
    constexpr std::string_view kSuffix = ".weight";
    if (!part.name.ends_with(kSuffix)) return rows;
    const auto place = places_.find(part.name.substr(0, part.name.size() - kSuffix.size()));
    if (place == places_.end()) return rows;
    const Place& at = place->second;
    const ops::LowRankView& view = views_.At(at.layer, at.module, at.expert);
    if (view.rank == 0) return rows;
    if (rows.base.rows() != at.shape.out || rows.base.cols() != at.shape.in) {
      throw Error(
          ErrorCode::kDataLoss,
          {.message = "a tensor of the base does not fit its configuration",
           .expected = std::to_string(at.shape.out) + " rows of " + std::to_string(at.shape.in),
           .found = rows.base.shape.ToString(),
           .where = formats::Quote(part.name)});
    }
    rows.updates.push_back({.first_row = 0, .out = at.shape.out, .view = view});
    return rows;
  }

  static void WritePart(const MergedRows& rows, DType dtype, const ByteSink& sink) {
    if (rows.updates.empty() && rows.to.paired_head == 0 && rows.base.dtype == dtype) {
      sink(rows.base.bytes);
    } else {
      WriteMergedRows(rows, dtype, sink);
    }
  }

  const formats::ModelFiles& files_;
  const model::AdapterViews& views_;
  const Places places_;
};

}  // namespace

MergedTensors MergeTensorsAsGguf(const formats::ModelFiles& files, const model::ModelConfig& config,
                                 const model::AdapterViews& views, MergeType type) {
  const Builder builder(files, config, views);
  MergedTensors merged;
  for (const LaidTensor& laid : convert::LayForGguf(files, config)) {
    merged.tensors.push_back(builder.TensorOf(laid, type, merged));
  }
  return merged;
}

}  // namespace hyprstream::adapters
