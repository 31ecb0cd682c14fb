#include "adapters/export_gguf.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "adapters/gguf_adapter.h"
#include "base/error.h"
#include "base/new_folder.h"
#include "formats/gguf_writer.h"
#include "model/architecture_metadata.h"
#include "model/gguf_names.h"

namespace hyprstream::adapters {
namespace {

/// A base tensor's A and B: [rank, in] and [out, rank], or [experts, …] of both.
struct Pair {
  Tensor a;
  Tensor b;
};

class Builder {
 public:
  Builder(const StoredAdapter& adapter, const model::ModelConfig& config, int64_t rank)
      : topology_(adapter.topology()), config_(config), rank_(rank) {}

  void Add(const ExportedModule& module) {
    const TopologyPlace& place = topology_.places()[module.place];
    const model::GgufName name = *model::ToGgufName(module.path + ".weight");
    Pair& pair = PairOf(name, place);
    const int64_t expert = std::max<int64_t>(name.expert, 0);
    float* a = pair.a.As<float>().data() + expert * rank_ * place.in;
    float* b = pair.b.As<float>().data() + expert * place.out * rank_;
    std::memcpy(a, module.a.view().bytes.data(), module.a.view().bytes.size());
    const bool halves = HasPairedRows(config_.family, place.at.module);
    const float* rows = module.b.As<float>().data();
    for (int64_t row = 0; row < place.out; ++row) {
      const int64_t from = halves ? HalvedRow(row, config_.head_dim) : row;
      std::copy_n(rows + from * module.rank, module.rank, b + row * rank_);
    }
  }

  std::vector<formats::NamedTensor> Tensors() const {
    std::vector<formats::NamedTensor> tensors;
    for (const auto& [name, pair] : pairs_) {
      tensors.push_back({name + ".lora_a", pair.a.view()});
      tensors.push_back({name + ".lora_b", pair.b.view()});
    }
    return tensors;
  }

 private:
  Pair& PairOf(const model::GgufName& name, const TopologyPlace& place) {
    Pair& pair = pairs_[name.name];
    if (pair.a.shape().rank() != 0) return pair;
    const bool stacked = name.expert >= 0;
    const int64_t experts = config_.moe.experts;
    pair.a =
        Tensor(DType::kF32, stacked ? Shape{experts, rank_, place.in} : Shape{rank_, place.in});
    pair.b =
        Tensor(DType::kF32, stacked ? Shape{experts, place.out, rank_} : Shape{place.out, rank_});
    return pair;
  }

  const Topology& topology_;
  const model::ModelConfig& config_;
  int64_t rank_;
  std::map<std::string, Pair> pairs_;
};

}  // namespace

void ExportGguf(const StoredAdapter& adapter, const model::ModelConfig& config,
                const std::filesystem::path& file, const ExportOptions& options) {
  std::vector<ExportedModule> modules = ExportModules(adapter, ScalePlace::kSeparate);
  const int64_t rank = std::ranges::max_element(modules, {}, &ExportedModule::rank)->rank;
  auto alpha = static_cast<float>(adapter.spec().scale * static_cast<double>(rank));
  // alpha 0 would mean scale 1.
  if (alpha == 0 ||
      static_cast<double>(alpha) / static_cast<double>(rank) != adapter.spec().scale) {
    alpha = static_cast<float>(rank);
    modules = ExportModules(adapter, ScalePlace::kInB);
  }
  Builder builder(adapter, config, rank);
  for (const ExportedModule& module : modules) builder.Add(module);
  RequireNothingAt(file);
  std::vector<std::pair<std::string, formats::GgufField>> metadata = {
      {"general.architecture", std::string(model::GgufArchitecture(config.family))},
      {"general.type", std::string("adapter")},
      {"general.name", adapter.name()},
      {"adapter.type", std::string("lora")},
      {"adapter.lora.alpha", alpha},
  };
  if (!options.base_model.empty()) {
    metadata.emplace_back("general.base_model.count", uint32_t{1});
    metadata.emplace_back("general.base_model.0.name", options.base_model);
  }
  formats::WriteGguf(file, metadata, builder.Tensors());
}

}  // namespace hyprstream::adapters
