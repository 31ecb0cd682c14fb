#include "cli/modelfile.h"

#include <algorithm>

#include "adapters/export_gguf.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/new_folder.h"

namespace hyprstream::cli {
namespace {

constexpr const char* kAdapterFile = "adapter.gguf";

std::string BaseOf(const OpenedVersion& version) {
  constexpr std::string_view kScheme = "ollama://";
  if (version.base_model.starts_with(kScheme)) return version.base_model.substr(kScheme.size());
  return std::filesystem::absolute(version.base->path()).lexically_normal().string();
}

}  // namespace

std::string ModelfileOf(const OpenedVersion& version) {
  const std::string base = BaseOf(version);
  // A value ends with its line, and its quotes would be taken off.
  const bool holds = std::ranges::none_of(base, [](unsigned char c) { return c < 0x20; }) &&
                     !base.starts_with('"') && !base.starts_with(' ') && !base.ends_with(' ');
  if (!holds) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the base's path cannot stand in a Modelfile", .found = base});
  }
  return "# " + version.name + ": ollama create NAME -f Modelfile\nFROM " + base + "\nADAPTER ./" +
         kAdapterFile + "\n";
}

void ExportOllama(const OpenedVersion& version, const std::filesystem::path& folder) {
  NewFolder made(folder);
  adapters::ExportGguf(*version.adapter, version.config, made.path() / kAdapterFile,
                       {.base_model = version.base_model});
  AtomicFile file(made.path() / "Modelfile");
  file.Write(ModelfileOf(version));
  file.Commit();
  made.Commit();
}

}  // namespace hyprstream::cli
