#include "adapters/merged_tensors.h"

#include <cmath>
#include <cstring>
#include <map>

#include "adapters/base_modules.h"
#include "base/error.h"
#include "formats/small_files.h"
#include "model/gguf_names.h"
#include "tensor/dequantize.h"
#include "tensor/float16.h"

namespace hyprstream::adapters {
namespace {

using formats::ByteSink;
using formats::StreamedTensor;

constexpr int64_t kElementsAtOnce = 1 << 18;

/// Where an adapter acts in a tensor: rows [first_row, first_row + out) of it.
struct Update {
  int64_t first_row = 0;
  int64_t out = 0;
  int64_t paired_head = 0;  // head_dim where rows lie in pairs as in GGUF's Llama, else 0
  ops::LowRankView view;
};

/// By the tensor's name.
using Updates = std::map<std::string, std::vector<Update>, std::less<>>;

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
    updates[name].push_back({.first_row = stacked ? place.expert * place.shape.out : 0,
                             .out = place.shape.out,
                             .paired_head = paired ? config.head_dim : 0,
                             .view = view});
  }
  return updates;
}

/// B's row for the tensor's row: the file's row 2i of a head is row i, 2i + 1 is head_dim/2 + i.
int64_t AdapterRow(const Update& update, int64_t row) {
  if (update.paired_head == 0) return row;
  const int64_t i = row % update.paired_head;
  return row - i + i / 2 + (i % 2) * (update.paired_head / 2);
}

void AddUpdate(const Update& update, int64_t row, std::span<float> values) {
  const auto in = static_cast<int64_t>(values.size());
  const int64_t o = AdapterRow(update, row - update.first_row);
  for (int64_t c = 0; c < update.view.rank; ++c) {
    const float b = update.view.b[c * update.out + o];
    const float* a = update.view.a + c * in;
    for (size_t i = 0; i < values.size(); ++i) values[i] += b * a[i];
  }
}

template <typename T, typename Narrow>
void NarrowAll(std::span<const float> values, std::byte* out, Narrow narrow) {
  for (size_t i = 0; i < values.size(); ++i) {
    const T narrowed = narrow(values[i]);
    std::memcpy(out + i * sizeof(T), &narrowed, sizeof(T));
  }
}

void NarrowRow(DType type, std::span<const float> values, std::byte* out) {
  if (type == DType::kF32) {
    std::memcpy(out, values.data(), values.size_bytes());
  } else if (type == DType::kF16) {
    NarrowAll<uint16_t>(values, out, F32ToF16);
  } else if (type == DType::kBF16) {
    NarrowAll<uint16_t>(values, out, F32ToBF16);
  } else {
    HYPR_CHECK(false);
  }
}

void CheckRange(const std::string& name, DType type, std::span<const float> values) {
  const float limit = type == DType::kF16 ? 65504.0f : 3.38e38f;
  for (const float value : values) {
    if (std::fabs(value) <= limit) continue;
    throw Error(ErrorCode::kUnsupported,
                {.message = "the merged weights do not fit their type",
                 .expected = "at most " + std::to_string(limit) + " for " + std::string(Name(type)),
                 .found = std::to_string(value),
                 .where = "tensor " + formats::Quote(name)});
  }
}

void WriteMerged(const std::string& name, const TensorView& base, DType type,
                 std::span<const Update> updates, const ByteSink& sink) {
  const int64_t cols = base.cols();
  const int64_t step = std::max<int64_t>(1, kElementsAtOnce / cols);
  const auto row_bytes = static_cast<size_t>(*RowBytes(type, static_cast<uint64_t>(cols)));
  std::vector<float> row(static_cast<size_t>(cols));
  std::vector<std::byte> out;
  for (int64_t begin = 0; begin < base.rows(); begin += step) {
    const int64_t end = std::min(base.rows(), begin + step);
    out.resize(static_cast<size_t>(end - begin) * row_bytes);
    for (int64_t r = begin; r < end; ++r) {
      DequantizeRow(base.dtype, base.row(r), row);
      for (const Update& update : updates) {
        if (r >= update.first_row && r < update.first_row + update.out) AddUpdate(update, r, row);
      }
      CheckRange(name, type, row);
      NarrowRow(type, row, out.data() + static_cast<size_t>(r - begin) * row_bytes);
    }
    sink(out);
  }
}

DType TypeOfMerged(DType base, MergeType type) {
  if (type == MergeType::kF32) return DType::kF32;
  const bool kept = base == DType::kF32 || base == DType::kF16 || base == DType::kBF16;
  return kept ? base : DType::kF16;
}

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
    merged.tensors.push_back({.name = name,
                              .dtype = type,
                              .shape = view.shape,
                              .write = [&files, name = name, view = view, type,
                                        list = found->second](const ByteSink& sink) {
                                WriteMerged(name, view, type, list, sink);
                                if (const MappedFile* mapping = files.MappingOf(view))
                                  mapping->DropPages(view.bytes);
                              }});
  }
  return merged;
}

}  // namespace hyprstream::adapters
