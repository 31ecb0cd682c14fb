// Writes state dictionaries as torch.save does (the ZIP container since PyTorch 1.6, pickle
// protocol 2), so that torch.load reads them, with weights_only=True as well. Nothing but tensors
// goes in. Facts: torch/serialization.py and caffe2/serialize/inline_container.cc of PyTorch.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "formats/safetensors.h"

namespace hyprstream::formats {

/// Writes a file that appears complete or not at all: a dictionary name → contiguous tensor, in the
/// order given, data aligned to 64 bytes. `notes`: texts to keep in the archive under extra/NAME;
/// torch.load does not look at them. Errors: kUnsupported for an element type without a storage
/// class; kLimit for 4 GiB and more; those of AtomicFile.
void WritePytorch(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                  const std::map<std::string, std::string>& notes = {});

}  // namespace hyprstream::formats
