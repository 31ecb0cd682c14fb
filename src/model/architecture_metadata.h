// A configuration as llama.cpp's converter writes it into a GGUF file's metadata: what
// ParseConfigGguf reads again. Facts: gguf-py/gguf/constants.py and convert_hf_to_gguf.py of
// llama.cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/gguf_writer.h"
#include "model/config.h"

namespace hyprstream::model {

/// general.architecture of a family's models: Mistral's are Llama's.
std::string_view GgufArchitecture(Family family);

/// general.architecture and everything below its name. A sliding window becomes the longest
/// context, within which there is none. Llama 3's scaling of rotations is not among it (GGUF has
/// the tensor rope_freqs.weight for that). Errors: kUnsupported for what GGUF cannot say.
std::vector<std::pair<std::string, formats::GgufField>> ArchitectureMetadata(
    const ModelConfig& config);

}  // namespace hyprstream::model
