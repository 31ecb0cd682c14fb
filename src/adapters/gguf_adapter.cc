#include "adapters/gguf_adapter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/error.h"
#include "formats/small_files.h"
#include "model/architecture_metadata.h"
#include "model/gguf_names.h"
#include "tensor/dequantize.h"

namespace hyprstream::adapters {
namespace {

using formats::NamedTensor;
using formats::Quote;

constexpr std::string_view kA = ".lora_a";
constexpr std::string_view kB = ".lora_b";

[[noreturn]] void Fail(std::string_view tensor, std::string message, std::string expected,
                       std::string found = {}) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message),
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = "tensor " + Quote(tensor)});
}

void RequireText(const formats::GgufFile& file, const char* key, std::string_view expected,
                 ErrorCode code, std::string message) {
  const std::optional<std::string_view> found = file.GetString(key);
  if (found == expected) return;
  throw Error(code, {.message = std::move(message),
                     .expected = std::string(key) + " \"" + std::string(expected) + "\"",
                     .found = found ? Quote(*found) : "nothing"});
}

void CheckKind(const formats::GgufFile& file, const model::ModelConfig& config) {
  RequireText(file, "general.type", "adapter", ErrorCode::kInvalidArgument,
              "this GGUF file is not an adapter");
  RequireText(file, "adapter.type", "lora", ErrorCode::kUnsupported,
              "this kind of adapter is not supported");
  RequireText(file, "general.architecture", model::GgufArchitecture(config.family),
              ErrorCode::kUnsupported, "the adapter was made for a model of another architecture");
  if (file.Get("adapter.alora.invocation_tokens") != nullptr) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "adapters that begin at an invocation token (aLoRA) are not supported",
                 .found = "adapter.alora.invocation_tokens"});
  }
}

double AlphaOf(const formats::GgufFile& file) {
  const std::optional<double> alpha = file.GetFloat("adapter.lora.alpha");
  if (alpha && std::isfinite(*alpha) && *alpha >= 0) return *alpha;
  throw Error(ErrorCode::kDataLoss, {.message = "the adapter does not say how strongly it acts",
                                     .expected = "adapter.lora.alpha, a number from 0",
                                     .found = alpha ? std::to_string(*alpha) : "nothing"});
}

struct Pair {
  const NamedTensor* a = nullptr;
  const NamedTensor* b = nullptr;
};

/// By the name of the base tensor.
using Pairs = std::map<std::string, Pair, std::less<>>;

Pairs Collect(const formats::GgufFile& file) {
  Pairs pairs;
  for (const NamedTensor& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    if (name.ends_with("_norm.weight")) continue;  // llama.cpp's loader skips them too
    if (!name.ends_with(kA) && !name.ends_with(kB)) {
      Fail(name, "the adapter has a tensor of an unknown kind",
           "names that end in .lora_a or .lora_b");
    }
    if (!CanDequantize(tensor.view.dtype)) {
      Fail(name, "the adapter has a tensor of a type that cannot be computed with",
           "such as F32, F16, BF16 or Q8_0", std::string(Name(tensor.view.dtype)));
    }
    Pair& pair = pairs[std::string(name.substr(0, name.size() - kA.size()))];
    (name.ends_with(kA) ? pair.a : pair.b) = &tensor;
  }
  if (pairs.empty()) {
    throw Error(ErrorCode::kDataLoss, {.message = "the adapter has no tensors"});
  }
  for (const auto& [base, pair] : pairs) {
    if (pair.a != nullptr && pair.b != nullptr) continue;
    Fail((pair.a != nullptr ? pair.a : pair.b)->name, "the adapter has one half of a module only",
         base + std::string(pair.a != nullptr ? kB : kA) + " too");
  }
  return pairs;
}

/// Rows in the order of Hugging Face.
AlignedBuffer HalvesOf(const TensorView& b, int64_t head_dim) {
  AlignedBuffer moved(b.bytes.size());
  const uint64_t row_bytes = b.row_bytes();
  for (int64_t row = 0; row < b.rows(); ++row) {
    std::memcpy(moved.data() + static_cast<uint64_t>(HalvedRow(row, head_dim)) * row_bytes,
                b.row(row).data(), row_bytes);
  }
  return moved;
}

bool IsZero(float value) { return value == 0.0f; }

/// Ranks up to the last one that is not zeros in both.
int64_t UsedRank(const formats::PeftModule& module) {
  if (module.a.dtype != DType::kF32 || module.b.dtype != DType::kF32) return module.rank;
  const Tensor a = DequantizeToF32(module.a);
  const Tensor b = DequantizeToF32(module.b);
  const int64_t in = a.shape()[1];
  for (int64_t rank = module.rank; rank > 0; --rank) {
    const auto row =
        a.As<float>().subspan(static_cast<size_t>((rank - 1) * in), static_cast<size_t>(in));
    if (!std::ranges::all_of(row, IsZero)) return rank;
    for (int64_t o = 0; o < b.shape()[0]; ++o) {
      if (!IsZero(b.As<float>()[static_cast<size_t>(o * module.rank + rank - 1)])) return rank;
    }
  }
  return 0;
}

/// The first `rank` columns of b.
AlignedBuffer FirstColumns(const TensorView& b, int64_t rank) {
  const size_t kept = static_cast<size_t>(rank) * sizeof(float);
  AlignedBuffer columns(static_cast<size_t>(b.rows()) * kept);
  for (int64_t row = 0; row < b.rows(); ++row) {
    std::memcpy(columns.data() + static_cast<size_t>(row) * kept, b.row(row).data(), kept);
  }
  return columns;
}

class Reader {
 public:
  Reader(const formats::GgufFile& file, const model::ModelConfig& config)
      : config_(config), alpha_(AlphaOf(file)), pairs_(Collect(file)) {}

  GgufModules Read(const Places& places) {
    std::set<std::string_view> used;
    for (const auto& [path, place] : places) {
      const std::optional<model::GgufName> name = model::ToGgufName(path + ".weight");
      if (!name) continue;
      const auto found = pairs_.find(name->name);
      if (found == pairs_.end()) continue;
      used.insert(found->first);
      Add(path, place, found->second, name->expert >= 0);
    }
    for (const auto& [base, pair] : pairs_) {
      if (!used.contains(base)) RefuseUnknown(*pair.a, base);
    }
    return std::move(result_);
  }

 private:
  [[noreturn]] static void RefuseUnknown(const NamedTensor& tensor, const std::string& base) {
    if (base == "token_embd.weight" || base == "output.weight") {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "the adapter acts on the " +
                              std::string(base == "output.weight" ? "head" : "embedding") +
                              ", which is not supported",
                   .where = "tensor " + Quote(tensor.name)});
    }
    Fail(tensor.name, "the base model has no such module", "a linear module of the base model",
         Quote(base));
  }

  void Add(const std::string& path, const Place& place, const Pair& pair, bool stacked) {
    const Shape& shape = pair.a->view.shape;
    const int rank_axis = stacked ? 1 : 0;
    const int64_t rank = shape.rank() == rank_axis + 2 ? shape[rank_axis] : 0;
    if (rank < 1 || rank > formats::PeftConfig::kMaxRank) {
      Fail(pair.a->name, "the adapter's tensor has a wrong shape",
           "[rank, " + std::to_string(place.shape.in) + "]", shape.ToString());
    }
    const int64_t experts = config_.moe.experts;
    CheckShape(*pair.a,
               stacked ? Shape{experts, rank, place.shape.in} : Shape{rank, place.shape.in});
    CheckShape(*pair.b,
               stacked ? Shape{experts, place.shape.out, rank} : Shape{place.shape.out, rank});
    formats::PeftModule module{
        .path = path,
        .rank = rank,
        .alpha = alpha_,
        .scale = alpha_ == 0 ? 1 : alpha_ / static_cast<double>(rank),
        .a = pair.a->view.Rows(place.expert * rank, rank),
        .b = pair.b->view.Rows(place.expert * place.shape.out, place.shape.out)};
    if (HasPairedRows(config_.family, place.module)) {
      Move(module, HalvesOf(module.b, config_.head_dim));
    }
    const int64_t used = UsedRank(module);
    if (used == 0) return;
    if (used < rank) {
      Move(module, FirstColumns(module.b, used));
      module.rank = used;
      module.a = module.a.Rows(0, used);
      module.b.shape = {place.shape.out, used};
    }
    result_.modules.push_back(std::move(module));
  }

  void Move(formats::PeftModule& module, AlignedBuffer b) {
    result_.moved.push_back(std::move(b));
    module.b.bytes = {result_.moved.back().data(), result_.moved.back().size()};
  }

  static void CheckShape(const NamedTensor& tensor, const Shape& expected) {
    if (tensor.view.shape == expected) return;
    Fail(tensor.name, "the adapter's tensor has a wrong shape", expected.ToString(),
         tensor.view.shape.ToString());
  }

  const model::ModelConfig& config_;
  double alpha_;
  Pairs pairs_;
  GgufModules result_;
};

}  // namespace

bool HasPairedRows(model::Family family, model::Module module) {
  return model::GgufArchitecture(family) == "llama" &&
         (module == model::Module::kQ || module == model::Module::kK);
}

// Row 2i of a head in the file is row i, row 2i + 1 is row head_dim/2 + i.
int64_t HalvedRow(int64_t row, int64_t head_dim) {
  const int64_t i = row % head_dim;
  return row - i + i / 2 + (i % 2) * (head_dim / 2);
}

GgufModules ReadGgufAdapter(const formats::GgufFile& file, const Places& places,
                            const model::ModelConfig& config) {
  CheckKind(file, config);
  return Reader(file, config).Read(places);
}

std::shared_ptr<const DenseAdapter> OpenGgufAdapter(const std::filesystem::path& path,
                                                    const model::ModelConfig& config) {
  const auto file = formats::GgufFile::Open(path);
  const Places places = PlacesOf(config);
  try {
    const GgufModules read = ReadGgufAdapter(*file, places, config);
    return DenseAdapter::Create(read.modules, places, config);
  } catch (const Error& error) {
    throw error.Within(path.string());
  }
}

}  // namespace hyprstream::adapters
