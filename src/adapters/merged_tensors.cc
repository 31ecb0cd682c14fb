#include "adapters/merged_tensors.h"

#include <map>

#include "adapters/base_modules.h"
#include "adapters/merge_rows.h"
#include "base/error.h"
#include "formats/small_files.h"
#include "model/gguf_names.h"

namespace hyprstream::adapters {
namespace {

using formats::ByteSink;
using formats::StreamedTensor;

/// What acts on a tensor, by the tensor's name.
struct Changed {
  RowOrder order;
  std::vector<RowUpdate> updates;
};
using Updates = std::map<std::string, Changed, std::less<>>;

/// The name of a module's tensor in the files. Some checkpoints of the bare decoder lack "model.".
std::string NameIn(const formats::ModelFiles& files, const std::string& path) {
  const std::string name = path + ".weight";
  if (files.gguf() != nullptr) return model::ToGgufName(name)->name;
  return files.Find(name) != nullptr ? name : name.substr(6);
}

Updates UpdatesOf(const formats::ModelFiles& files, const model::ModelConfig& config,
                  const model::AdapterViews& views) {
  Updates updates;
  for (const auto& [path, place] : PlacesOf(config)) {
    const ops::LowRankView& view = views.At(place.layer, place.module, place.expert);
    if (view.rank == 0) continue;
    const std::string name = NameIn(files, path);
    const TensorView* tensor = files.Find(name);
    const bool stacked = files.gguf() != nullptr && name.find("_exps.") != std::string::npos;
    const int64_t rows = place.shape.out * (stacked ? config.moe.experts : 1);
    if (tensor == nullptr || tensor->rows() != rows || tensor->cols() != place.shape.in) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = "the base has no such tensor for the adapter to act on",
                   .expected = std::to_string(rows) + " rows of " + std::to_string(place.shape.in),
                   .found = tensor == nullptr ? "nothing" : tensor->shape.ToString(),
                   .where = formats::Quote(name)});
    }
    const bool paired = config.interleaved_rope &&
                        (place.module == model::Module::kQ || place.module == model::Module::kK);
    Changed& changed = updates[name];
    changed.order.paired_head = paired ? config.head_dim : 0;
    changed.updates.push_back({.first_row = stacked ? place.expert * place.shape.out : 0,
                               .out = place.shape.out,
                               .view = view});
  }
  return updates;
}

}  // namespace

DType TypeOfMerged(DType base, MergeType type) {
  if (type == MergeType::kF32) return DType::kF32;
  const bool kept = base == DType::kF32 || base == DType::kF16 || base == DType::kBF16;
  return kept ? base : DType::kF16;
}

namespace {

StreamedTensor Untouched(const formats::ModelFiles& files, const std::string& name,
                         const TensorView& view) {
  StreamedTensor tensor = formats::Streamed({name, view});
  tensor.write = [&files, view](const ByteSink& sink) {
    sink(view.bytes);
    if (const MappedFile* mapping = files.MappingOf(view)) mapping->DropPages(view.bytes);
  };
  return tensor;
}

}  // namespace

MergedTensors MergeTensors(const formats::ModelFiles& files, const model::ModelConfig& config,
                           const model::AdapterViews& views, MergeType merge_type) {
  MergedTensors merged;
  const Updates updates = UpdatesOf(files, config, views);
  for (const auto& [name, view] : files.tensors()) {
    const auto found = updates.find(name);
    if (found == updates.end()) {
      merged.tensors.push_back(Untouched(files, name, view));
      continue;
    }
    const DType type = TypeOfMerged(view.dtype, merge_type);
    ++merged.changed;
    if (IsQuantized(view.dtype)) ++merged.widened;
    const MergedRows rows{.name = name,
                          .base = view,
                          .from = found->second.order,
                          .to = found->second.order,
                          .updates = found->second.updates};
    merged.tensors.push_back({.name = name,
                              .dtype = type,
                              .shape = view.shape,
                              .write = [&files, rows, type](const ByteSink& sink) {
                                WriteMergedRows(rows, type, sink);
                                if (const MappedFile* mapping = files.MappingOf(rows.base))
                                  mapping->DropPages(rows.base.bytes);
                              }});
  }
  return merged;
}

}  // namespace hyprstream::adapters
