// A version of an adapter and its base, opened for being written elsewhere. What the verbs export
// and merge share.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "adapters/stored_adapter.h"
#include "cli/output.h"
#include "formats/model_files.h"
#include "model/config.h"

namespace hyprstream::cli {

struct OpenedVersion {
  std::string name;  // "tone@7"
  std::string base_model;
  std::shared_ptr<const formats::ModelFiles> base;
  model::ModelConfig config;
  std::shared_ptr<const adapters::StoredAdapter> adapter;
};
/// `reference`: NAME or NAME@VERSION. Errors: kNotFound; kFailedPrecondition for version 0, which
/// is the base; those of opening the base's files and StoredAdapter::Open.
OpenedVersion OpenVersion(const std::string& reference);

struct MergeFlags {
  std::string format;         // "safetensors" (a folder) or "gguf" (a file); empty: as the base is
  std::string dtype = "f32";  // or "base"
};
inline constexpr const char* kMergeTypeHelp =
    "Type of merged weights: f32 (default; the model answers as base and adapter do) or base "
    "(rounded "
    "to the base's; quantised ones become F16)";

/// The version merged into its base. Says what was written. Errors: kUsage naming the flag; those
/// of adapters/export_merged.h.
void WriteMerged(const OpenedVersion& version, const MergeFlags& flags,
                 const std::filesystem::path& output, Output& out);

}  // namespace hyprstream::cli
