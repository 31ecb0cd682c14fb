// Files of torch.save (since PyTorch 1.6): a ZIP archive with a pickle that describes tensors and
// one record per storage. Nothing in the file is executed. Contiguous tensors are views into the
// mapping; others (transposed, expanded) are copied into order under a limit. Immutable after Open;
// views live as long as the object.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/zip_archive.h"
#include "tensor/tensor.h"

namespace hyprstream::formats {

class PytorchFile {
 public:
  /// The file must hold a dictionary of tensors, or one with such a dictionary under "state_dict"
  /// or "model" (what else is beside it is left out). Errors: kDataLoss saying what is wrong where;
  /// kUnsupported for older formats, TorchScript and big-endian files; kLimit.
  static std::shared_ptr<const PytorchFile> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  /// In the order of the dictionary.
  std::span<const NamedTensor> tensors() const { return tensors_; }
  /// Null when there is none of that name.
  const NamedTensor* Find(std::string_view name) const;
  /// Texts of at most kMaxNoteBytes that the archive keeps under extra/NAME, by name.
  const std::map<std::string, std::string>& notes() const { return notes_; }
  static constexpr uint64_t kMaxNoteBytes = 1 << 20;

 private:
  friend class PytorchReader;
  PytorchFile() = default;
  std::shared_ptr<const MappedFile> file_;
  std::unique_ptr<ZipArchive> archive_;
  std::vector<AlignedBuffer> copies_;
  std::vector<NamedTensor> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> notes_;
};

/// True when the bytes begin like a ZIP archive or an older file of torch.save.
bool LooksLikePytorch(std::span<const std::byte> file);

}  // namespace hyprstream::formats
