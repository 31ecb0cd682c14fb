// Which files of a repository make the model: safetensors with what belongs to them, or one GGUF.
// Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/hugging_face.h"

namespace hyprstream::registry {

struct Selection {
  enum class Kind { kSafetensors, kGguf, kAdapter, kNamed };
  Kind kind = Kind::kSafetensors;
  std::vector<RepositoryFile> files;
};

/// `quant`: a GGUF's label in any case, or its file name; empty: safetensors where there are some,
/// else the only GGUF. `patterns`: names or shell patterns ("*.json") that are wanted instead; each
/// has to match. Errors: kFailedPrecondition listing the GGUFs when there are several and no
/// choice; kNotFound listing what there is; kUnsupported for a repository in another format.
Selection SelectFiles(const Repository& repository, std::string_view quant,
                      const std::vector<std::string>& patterns);

/// "Q4_K_M" of "model-Q4_K_M-00001-of-00002.gguf", as the file spells it; empty when it has none.
std::string QuantLabel(std::string_view file_name);

}  // namespace hyprstream::registry
