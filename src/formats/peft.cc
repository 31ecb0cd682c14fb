#include "formats/peft.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "formats/small_files.h"
#include "tensor/dequantize.h"

namespace hyprstream::formats {
namespace {

constexpr std::string_view kPrefix = "base_model.model.";

[[noreturn]] void Fail(std::string_view tensor, std::string message, std::string expected = {},
                       std::string found = {}) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message),
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = "tensor " + Quote(tensor)});
}

[[noreturn]] void Refuse(std::string_view tensor, std::string what) {
  throw Error(ErrorCode::kUnsupported,
              {.message = "the adapter holds " + std::move(what) + ", which is not supported",
               .where = "tensor " + Quote(tensor),
               .hint = "merge the adapter with PEFT, or train without it"});
}

/// Which half of which module a tensor is.
struct Role {
  std::string_view path;
  bool is_a = false;
};

Role RoleOf(std::string_view name, const BaseModules& base) {
  std::string_view path = name;
  if (path.starts_with(kPrefix)) path.remove_prefix(kPrefix.size());
  for (const std::string_view suffix : {".lora_A.weight", ".lora_B.weight"}) {
    if (path.ends_with(suffix)) {
      return {path.substr(0, path.size() - suffix.size()), suffix == ".lora_A.weight"};
    }
  }
  if (path.ends_with(".lora_magnitude_vector")) Refuse(name, "a DoRA magnitude (use_dora)");
  if (path.ends_with(".lora_B.bias")) Refuse(name, "a bias (lora_bias)");
  if (path.find(".lora_embedding_") != std::string_view::npos) Refuse(name, "an embedding adapter");
  const size_t dot = path.rfind('.');
  if (path.ends_with(".weight") &&
      (base.contains(path.substr(0, dot)) || path.find("lora") == std::string_view::npos)) {
    Refuse(name, "a whole weight (modules_to_save)");
  }
  Fail(name, "the adapter has a tensor of an unknown kind",
       "names that end in .lora_A.weight or .lora_B.weight");
}

void CheckFinite(const NamedTensor& tensor) {
  std::vector<float> row(static_cast<size_t>(tensor.view.cols()));
  for (int64_t i = 0; i < tensor.view.rows(); ++i) {
    DequantizeRow(tensor.view.dtype, tensor.view.row(i), row);
    if (!std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); })) {
      Fail(tensor.name, "the adapter has a number that is not finite", "finite numbers",
           "NaN or infinity in row " + std::to_string(i));
    }
  }
}

void CheckTensor(const NamedTensor& tensor, const Shape& expected) {
  const DType type = tensor.view.dtype;
  if (type != DType::kF32 && type != DType::kF16 && type != DType::kBF16) {
    Fail(tensor.name, "the adapter has a tensor of a wrong type", "F32, F16 or BF16",
         std::string(Name(type)));
  }
  if (tensor.view.shape != expected) {
    Fail(tensor.name, "the adapter's tensor has a wrong shape", expected.ToString(),
         tensor.view.shape.ToString());
  }
  CheckFinite(tensor);
}

}  // namespace

class PeftReader {
 public:
  PeftReader(PeftAdapter& adapter, const BaseModules& base) : adapter_(adapter), base_(base) {}

  void ReadFolder(const std::filesystem::path& folder) {
    ReadConfig(folder / kPeftConfigName);
    adapter_.file_ = AnyTensors::Open(TensorsIn(folder));
    ReadTensors(TensorsIn(folder));
  }

  void ReadFile(const std::filesystem::path& file) {
    adapter_.file_ = AnyTensors::Open(file);
    const std::filesystem::path config = file.parent_path() / kPeftConfigName;
    const std::string carried = adapter_.file_->Note(kPeftConfigName);
    std::error_code error;
    if (!carried.empty()) {
      ParseConfig(carried, file);
    } else if (std::filesystem::exists(config, error)) {
      ReadConfig(config);
    } else {
      adapter_.has_config_ = false;
    }
    ReadTensors(file);
  }

 private:
  struct Pair {
    const NamedTensor* a = nullptr;
    const NamedTensor* b = nullptr;
  };

  void ReadConfig(const std::filesystem::path& config) {
    ParseConfig(ReadTextFile(config), config);
  }

  void ParseConfig(std::string_view text, const std::filesystem::path& where) {
    try {
      adapter_.config_ = ReadPeftConfig(text);
    } catch (const Error& error) {
      throw error.Within(where.string());
    }
  }

  void ReadTensors(const std::filesystem::path& file) {
    tensors_ = adapter_.file_->tensors();
    try {
      Collect();
      for (const auto& [path, pair] : pairs_) AddModule(path, pair);
    } catch (const Error& error) {
      throw error.Within(file.string());
    }
    if (!adapter_.has_config_) return;
    for (const auto& [path, shape] : base_) {
      if (!pairs_.contains(path) && adapter_.config_.Targets(path)) {
        adapter_.untrained_.push_back(path);
      }
    }
  }

  static std::filesystem::path TensorsIn(const std::filesystem::path& folder) {
    for (const char* name : {"adapter_model.safetensors", "adapter_model.bin"}) {
      std::error_code error;
      if (std::filesystem::exists(folder / name, error)) return folder / name;
    }
    throw Error(ErrorCode::kNotFound, {.message = "the adapter's tensors are missing",
                                       .expected = "adapter_model.safetensors or adapter_model.bin",
                                       .where = folder.string()});
  }

  void Collect() {
    for (const NamedTensor& tensor : tensors_) {
      const Role role = RoleOf(tensor.name, base_);
      Pair& pair = pairs_.try_emplace(std::string(role.path)).first->second;
      const NamedTensor*& place = role.is_a ? pair.a : pair.b;
      if (place != nullptr) Fail(tensor.name, "the adapter has a tensor twice", "", place->name);
      place = &tensor;
    }
    if (pairs_.empty()) {
      throw Error(ErrorCode::kDataLoss, {.message = "the adapter has no tensors", .where = "file"});
    }
  }

  void AddModule(const std::string& path, const Pair& pair) {
    if (pair.a == nullptr || pair.b == nullptr) {
      const NamedTensor* there = pair.a != nullptr ? pair.a : pair.b;
      Fail(there->name, "the adapter has one half of a module only",
           pair.a != nullptr ? "its lora_B too" : "its lora_A too");
    }
    const auto base = base_.find(path);
    if (base == base_.end()) {
      Fail(pair.a->name, "the base model has no such module", "a module of the base model",
           Quote(path));
    }
    const PeftConfig& config = adapter_.config_;
    if (!adapter_.has_config_) return AddModuleAsStored(base->first, base->second, pair);
    if (!config.Targets(path)) {
      Fail(pair.a->name,
           "the adapter has tensors for a module that its configuration does not target",
           "a module of target_modules", Quote(path));
    }
    const int64_t rank = config.RankOf(path);
    CheckTensor(*pair.a, {rank, base->second.in});
    CheckTensor(*pair.b, {base->second.out, rank});
    adapter_.modules_.push_back({.path = path,
                                 .rank = rank,
                                 .alpha = config.AlphaOf(path),
                                 .scale = config.ScaleOf(path),
                                 .a = pair.a->view,
                                 .b = pair.b->view});
  }

  /// The rank that the tensors have, scale 1.
  void AddModuleAsStored(const std::string& path, const ModuleShape& base, const Pair& pair) {
    const int64_t rank = pair.a->view.shape.rank() == 2 ? pair.a->view.shape[0] : 0;
    if (rank < 1 || rank > PeftConfig::kMaxRank) {
      Fail(pair.a->name, "the adapter's tensor has a wrong shape",
           "[rank, " + std::to_string(base.in) + "]", pair.a->view.shape.ToString());
    }
    CheckTensor(*pair.a, {rank, base.in});
    CheckTensor(*pair.b, {base.out, rank});
    adapter_.modules_.push_back({.path = path,
                                 .rank = rank,
                                 .alpha = static_cast<double>(rank),
                                 .scale = 1,
                                 .a = pair.a->view,
                                 .b = pair.b->view});
  }

  PeftAdapter& adapter_;
  const BaseModules& base_;
  std::span<const NamedTensor> tensors_;
  std::map<std::string, Pair, std::less<>> pairs_;
};

std::shared_ptr<const PeftAdapter> PeftAdapter::Open(const std::filesystem::path& folder,
                                                     const BaseModules& base) {
  std::shared_ptr<PeftAdapter> adapter(new PeftAdapter);
  PeftReader(*adapter, base).ReadFolder(folder);
  return adapter;
}

std::shared_ptr<const PeftAdapter> PeftAdapter::OpenFile(const std::filesystem::path& file,
                                                         const BaseModules& base) {
  std::shared_ptr<PeftAdapter> adapter(new PeftAdapter);
  PeftReader(*adapter, base).ReadFile(file);
  return adapter;
}

}  // namespace hyprstream::formats
