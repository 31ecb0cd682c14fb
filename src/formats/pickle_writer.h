// The pickle of a state dictionary, as torch.save writes it: name → tensor, each tensor the whole
// of a storage of its own. Facts: torch/_utils.py of PyTorch, pickletools of Python.
#pragma once

#include <span>
#include <string>

#include "formats/safetensors.h"

namespace hyprstream::formats {

/// Storages are numbered "0", "1", … in the order of the tensors. Errors: kUnsupported for an
/// element type that PyTorch has no storage class for.
std::string PickleStateDict(std::span<const NamedTensor> tensors);

}  // namespace hyprstream::formats
