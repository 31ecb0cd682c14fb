#include "cli/lora_exported.h"

#include "adapters/export_merged.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"

namespace hyprstream::cli {

OpenedVersion OpenVersion(const std::string& reference) {
  const AdapterReference parsed = ParseAdapterReference(reference);
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record = store.Get(parsed.name);
  const auto version = store.Find(record.name, parsed.version);
  if (!version) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "version 0 of an adapter is its base: there is nothing to write",
                 .expected = "a version that was trained or imported",
                 .found = record.name + "@0",
                 .hint = "train the adapter first, or name another version as NAME@VERSION"});
  }
  OpenedVersion opened{.name = record.name + "@" + std::to_string(version->version),
                       .base_model = record.base_model,
                       .base = formats::ModelFiles::Open(ResolveModel(record.base_model)),
                       .config = {},
                       .adapter = nullptr};
  opened.config = model::ReadConfig(*opened.base);
  opened.adapter = adapters::StoredAdapter::Open(version->file, opened.config);
  return opened;
}

namespace {

[[noreturn]] void FailFlag(const char* flag, const char* expected, const std::string& found) {
  throw Error(ErrorCode::kUsage, {.message = "a merged model cannot be written like this",
                                  .expected = expected,
                                  .found = found,
                                  .where = flag});
}

std::string FormatOf(const MergeFlags& flags, const formats::ModelFiles& base) {
  if (flags.format.empty()) return base.gguf() != nullptr ? "gguf" : "safetensors";
  if (flags.format == "gguf" || flags.format == "safetensors") return flags.format;
  FailFlag("--format", "safetensors or gguf", flags.format);
}

adapters::MergeType TypeOf(const MergeFlags& flags) {
  if (flags.dtype == "base") return adapters::MergeType::kAsBase;
  if (flags.dtype == "f32") return adapters::MergeType::kF32;
  FailFlag("--dtype", "base or f32", flags.dtype);
}

}  // namespace

void WriteMerged(const OpenedVersion& version, const MergeFlags& flags,
                 const std::filesystem::path& output, Output& out) {
  const adapters::MergeType type = TypeOf(flags);
  const auto write = FormatOf(flags, *version.base) == "gguf" ? adapters::ExportMergedGguf
                                                              : adapters::ExportMergedSafetensors;
  const adapters::MergeResult result =
      write(*version.base, version.config, version.adapter->views(), output, type);
  out.Line("merged " + version.name + " into " + version.base_model + ": " + output.string() +
           ", " + std::to_string(result.changed) + " tensors changed");
  if (result.widened > 0) {
    out.Line(std::to_string(result.widened) + " of them were quantised and are " +
             (type == adapters::MergeType::kF32 ? "F32" : "F16") +
             " now: rounding them to their blocks again could undo the update");
  }
}

}  // namespace hyprstream::cli
