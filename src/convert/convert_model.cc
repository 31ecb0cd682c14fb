#include "convert/convert_model.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/unfinished.h"
#include "convert/companions.h"
#include "convert/gguf_metadata.h"
#include "convert/gguf_set.h"
#include "convert/layout.h"
#include "convert/recipe.h"
#include "convert/rows.h"
#include "convert/shards.h"

namespace hyprstream::convert {
namespace {

namespace fs = std::filesystem;
using formats::StreamedTensor;
using Shards = std::vector<std::vector<StreamedTensor>>;
using Existing = NewFolder::Existing;

fs::path FolderAbove(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Beside which the shards of `file` are written.
fs::path ShardsFolder(const fs::path& file) {
  return FolderAbove(file) / (file.filename().string() + ".shards");
}

/// The files are mapped while the output is written.
void RequireAnotherPlace(const formats::ModelFiles& source, const fs::path& output) {
  std::error_code ignored;
  std::vector<fs::path> read = source.weight_files();
  read.push_back(source.path());
  const fs::path target = fs::weakly_canonical(output, ignored);
  for (const fs::path& path : read) {
    const fs::path from = fs::weakly_canonical(path, ignored);
    const auto [end, rest] = std::mismatch(target.begin(), target.end(), from.begin(), from.end());
    if (end != target.end()) continue;  // `from` is not `target` nor inside it
    throw Error(ErrorCode::kInvalidArgument, {.message = "a model cannot be converted onto itself",
                                              .expected = "an output apart from the source",
                                              .found = output.string(),
                                              .where = path.string()});
  }
}

void RequireRoom(const fs::path& folder, uint64_t bytes) {
  std::error_code problem;
  const fs::space_info space = fs::space(folder, problem);
  if (problem || space.available >= bytes) return;
  throw Error(ErrorCode::kResourceExhausted,
              {.message = "the disk has no room for the converted model",
               .expected = FormatBytes({bytes}) + " free",
               .found = FormatBytes({space.available}),
               .where = folder.string(),
               .hint = "free some space, or choose a smaller type with --quantize"});
}

uint64_t BytesOf(std::span<const StreamedTensor> tensors) {
  uint64_t bytes = 0;
  for (const StreamedTensor& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

Converted Summary(const Shards& shards) {
  Converted converted{.files = shards.size(), .tensors = {}};
  for (const auto& shard : shards) {
    converted.bytes.value += BytesOf(shard);
    for (const StreamedTensor& tensor : shard) ++converted.tensors[tensor.dtype];
  }
  return converted;
}

/// The type that most bytes of matrices have.
DType MainType(std::span<const LaidTensor> laid, std::span<const DType> types) {
  std::map<DType, int64_t> elements;
  for (size_t i = 0; i < laid.size(); ++i) {
    if (!laid[i].small) elements[types[i]] += laid[i].shape.elements();
  }
  const auto most = std::ranges::max_element(elements, {}, [](const auto& e) { return e.second; });
  return most == elements.end() ? DType::kF32 : most->first;
}

std::vector<StreamedTensor> Streams(std::span<const LaidTensor> laid, std::span<const DType> types,
                                    const Work& work) {
  std::vector<StreamedTensor> tensors;
  for (size_t i = 0; i < laid.size(); ++i) tensors.push_back(StreamAs(laid[i], types[i], work));
  return tensors;
}

using Fields = std::vector<std::pair<std::string, formats::GgufField>>;

Fields MetadataOf(const formats::ModelFiles& source, const model::ModelConfig& config,
                  std::span<const StreamedTensor> tensors, const fs::path& file, DType main) {
  if (source.gguf() == nullptr) return GgufMetadataOf(source, config, tensors, file);
  Fields fields = formats::CopyMetadata(*source.gguf());
  const auto set = [&](const std::string& key, formats::GgufField value) {
    const auto found = std::ranges::find(fields, key, &Fields::value_type::first);
    if (found == fields.end()) {
      fields.emplace_back(key, std::move(value));
    } else {
      found->second = std::move(value);
    }
  };
  set("general.file_type", GgufFileType(main));
  set("general.quantization_version", uint32_t{2});
  return fields;
}

void WriteGgufShards(const Shards& shards, const Fields& metadata, const GgufSet& set) {
  const size_t total = [&] {
    size_t count = 0;
    for (const auto& shard : shards) count += shard.size();
    return count;
  }();
  NewFolder folder(ShardsFolder(set.file()));
  for (size_t i = 0; i < shards.size(); ++i) {
    Fields fields = i == 0 ? metadata : Fields{};
    fields.emplace_back("split.no", static_cast<uint16_t>(i));
    fields.emplace_back("split.count", static_cast<uint16_t>(shards.size()));
    fields.emplace_back("split.tensors.count", static_cast<int32_t>(total));
    formats::WriteGgufStreamed(folder.path() / set.names()[i].filename(), fields, shards[i]);
  }
  set.MoveShardsFrom(folder.path());
}

}  // namespace

Converted ConvertToGguf(const formats::ModelFiles& source, const fs::path& file, ThreadPool& pool,
                        const ConvertOptions& options) {
  RequireAnotherPlace(source, file);
  if (options.existing == Existing::kRefuse || fs::is_directory(file)) RequireNothingAt(file);
  const model::ModelConfig config = model::ReadConfig(source);
  const std::vector<LaidTensor> laid =
      source.gguf() == nullptr ? LayForGguf(source, config) : LayUnchanged(source);
  const bool has_head = std::ranges::find(laid, "output.weight", &LaidTensor::name) != laid.end();
  const Recipe recipe(options.target, config.num_hidden_layers, has_head);
  std::vector<DType> types;
  for (const LaidTensor& tensor : laid) types.push_back(recipe.ForGguf(tensor));

  uint64_t total = 0;
  Progress counting({}, "", 0);
  for (const StreamedTensor& tensor : Streams(laid, types, {source, pool, counting}))
    total += tensor.bytes();
  Progress progress(options.progress, "converting", total);
  const Work work{source, pool, progress};
  std::vector<StreamedTensor> tensors = Streams(laid, types, work);
  const Fields metadata = MetadataOf(source, config, tensors, file, MainType(laid, types));
  const Shards shards = CutIntoShards(std::move(tensors), options.shard_limit);
  const GgufSet set(file, shards.size());
  set.RequireFree(source.weight_files(), options.existing);
  std::error_code ignored;
  fs::create_directories(FolderAbove(file), ignored);
  internal::RemoveUnfinished(file);
  internal::RemoveUnfinished(ShardsFolder(file));
  RequireRoom(FolderAbove(file), total);
  if (shards.size() == 1) {
    formats::WriteGgufStreamed(file, metadata, shards.front());
  } else {
    WriteGgufShards(shards, metadata, set);
  }
  if (options.existing == Existing::kReplace) set.RemoveOthers(source.weight_files());
  progress.Finish();
  return Summary(shards);
}

namespace {

/// Vectors that GGUF widened get their type back where that loses nothing.
void NarrowVectors(std::span<const LaidTensor> laid, DType main, std::span<DType> types) {
  for (size_t i = 0; i < laid.size(); ++i) {
    if (laid[i].small && types[i] == DType::kF32 && IsExactIn(laid[i], main)) types[i] = main;
  }
}

void RequirePlain(std::optional<DType> target) {
  if (!target || !IsQuantized(*target)) return;
  throw Error(ErrorCode::kUnsupported, {.message = "safetensors has no blocks",
                                        .expected = "f32, f16 or bf16",
                                        .found = std::string(Name(*target)),
                                        .hint = "write GGUF: name the output something.gguf"});
}

}  // namespace

Converted ConvertToSafetensors(const formats::ModelFiles& source, const fs::path& folder,
                               ThreadPool& pool, const ConvertOptions& options) {
  RequirePlain(options.target);
  RequireAnotherPlace(source, folder);
  const model::ModelConfig config = model::ReadConfig(source);
  const bool from_gguf = source.gguf() != nullptr;
  const std::vector<LaidTensor> laid =
      from_gguf ? LayForSafetensors(source, config) : LayUnchanged(source);
  const Recipe recipe(options.target, config.num_hidden_layers, true);
  std::vector<DType> types;
  for (const LaidTensor& tensor : laid) types.push_back(recipe.ForSafetensors(tensor));
  const DType main = MainType(laid, types);
  if (from_gguf && !options.target) NarrowVectors(laid, main, types);

  uint64_t total = 0;
  Progress counting({}, "", 0);
  for (const StreamedTensor& tensor : Streams(laid, types, {source, pool, counting}))
    total += tensor.bytes();
  Progress progress(options.progress, "converting", total);
  const Work work{source, pool, progress};
  const Shards shards = CutIntoShards(Streams(laid, types, work), options.shard_limit);
  NewFolder target(folder, options.existing);
  RequireRoom(FolderAbove(target.path()), total);
  if (from_gguf) {
    WriteCompanions(*source.gguf(), config, main, target.path());
  } else {
    CopyCompanions(source, target.path());
    AtomicFile text(target.path() / "config.json");
    text.Write(ConfigWithType(source.config_json(), main));
    text.Commit();
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    formats::WriteSafetensorsStreamed(
        target.path() / ShardName("model", ".safetensors", i, shards.size()), shards[i],
        {{"format", "pt"}});
  }
  if (shards.size() > 1) {
    AtomicFile index(target.path() / "model.safetensors.index.json");
    index.Write(ShardIndex(shards, "model"));
    index.Commit();
  }
  target.Commit();
  progress.Finish();
  return Summary(shards);
}

}  // namespace hyprstream::convert
