#include "adapters/export_merged.h"

#include "adapters/merged_gguf.h"
#include "adapters/merged_tensors.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/new_folder.h"
#include "convert/companions.h"
#include "convert/gguf_metadata.h"
#include "formats/gguf_writer.h"

namespace hyprstream::adapters {
namespace fs = std::filesystem;

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
  convert::CopyCompanions(base, target.path());
  if (type == MergeType::kF32) {
    AtomicFile text(target.path() / "config.json");
    text.Write(convert::ConfigWithType(base.config_json(), DType::kF32));
    text.Commit();
  }
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
                                  : convert::GgufMetadataOf(base, config, merged.tensors, file);
  formats::WriteGgufStreamed(file, metadata, merged.tensors);
  return {merged.changed, merged.widened};
}

}  // namespace hyprstream::adapters
