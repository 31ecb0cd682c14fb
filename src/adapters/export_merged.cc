#include "adapters/export_merged.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "adapters/gguf_metadata.h"
#include "adapters/merged_gguf.h"
#include "adapters/merged_tensors.h"
#include "adapters/new_folder.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/gguf_writer.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// What lies beside the weights: configuration, tokenizer, templates, licences. Weights of any
/// format and indexes of shards stay behind, and so does what is too large to be one of those.
bool IsCompanion(const fs::directory_entry& entry) {
  constexpr uintmax_t kMaxBytes = 64 << 20;
  static const std::set<std::string> kKinds = {".json", ".jinja", ".txt", ".model", ".md"};
  const std::string name = entry.path().filename().string();
  const bool licence = name == "LICENSE" || name == "NOTICE";
  return entry.is_regular_file() && !name.ends_with(".index.json") &&
         !name.starts_with("adapter_") &&
         (licence || kKinds.contains(entry.path().extension().string())) &&
         entry.file_size() <= kMaxBytes;
}

void CopyCompanions(const fs::path& from, const fs::path& to) {
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    if (IsCompanion(entry)) fs::copy_file(entry.path(), to / entry.path().filename());
  }
}

/// Others round weights to the type that the configuration names when they load them.
void WriteConfigOfF32(const std::string& text, const fs::path& path) {
  json::object config = json::parse(text).as_object();
  for (const char* field : {"dtype", "torch_dtype"}) {
    if (config.contains(field)) config[field] = "float32";
  }
  AtomicFile file(path);
  file.Write(json::serialize(config) + "\n");
  file.Commit();
}

}  // namespace

MergeResult ExportMergedSafetensors(const formats::ModelFiles& base,
                                    const model::ModelConfig& config,
                                    const model::AdapterViews& views, const fs::path& folder,
                                    MergeType type) {
  if (base.gguf() != nullptr) {
    throw Error(ErrorCode::kUnsupported, {.message = "a GGUF base is merged into GGUF only",
                                          .expected = "a safetensors base",
                                          .where = base.path().string(),
                                          .hint = "use --format gguf"});
  }
  const MergedTensors merged = MergeTensors(base, config, views, type);
  NewFolder target(folder);
  try {
    const fs::path source = fs::is_directory(base.path()) ? base.path() : base.path().parent_path();
    CopyCompanions(source.empty() ? fs::path(".") : source, target.path());
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::kIo, {.message = error.what(), .where = folder.string()});
  }
  if (type == MergeType::kF32) WriteConfigOfF32(base.config_json(), target.path() / "config.json");
  formats::WriteSafetensorsStreamed(target.path() / "model.safetensors", merged.tensors,
                                    {{"format", "pt"}});
  target.Commit();
  return {merged.changed, merged.widened};
}

MergeResult ExportMergedGguf(const formats::ModelFiles& base, const model::ModelConfig& config,
                             const model::AdapterViews& views, const fs::path& file,
                             MergeType type) {
  const bool from_gguf = base.gguf() != nullptr;
  const MergedTensors merged = from_gguf ? MergeTensors(base, config, views, type)
                                         : MergeTensorsAsGguf(base, config, views, type);
  RequireNothingAt(file);
  const auto metadata = from_gguf ? formats::CopyMetadata(*base.gguf())
                                  : GgufMetadataOf(base, config, merged.tensors, file);
  formats::WriteGgufStreamed(file, metadata, merged.tensors);
  return {merged.changed, merged.widened};
}

}  // namespace hyprstream::adapters
