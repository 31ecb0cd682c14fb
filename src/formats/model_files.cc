#include "formats/model_files.h"

#include "formats/model_files_opener.h"

namespace hyprstream::formats {
namespace {

bool Contains(std::span<const std::byte> whole, std::span<const std::byte> part) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

std::shared_ptr<const ModelFiles> ModelFiles::Open(const std::filesystem::path& path) {
  std::shared_ptr<ModelFiles> files(new ModelFiles);
  ModelFilesOpener(*files).Open(path);
  return files;
}

const TensorView* ModelFiles::Find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

uint64_t ModelFiles::tensor_bytes() const {
  uint64_t sum = 0;
  for (const auto& [name, view] : tensors_) sum += view.bytes.size();
  return sum;
}

std::vector<std::filesystem::path> ModelFiles::weight_files() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : safetensors_) paths.push_back(file->path());
  for (const auto& file : gguf_) paths.push_back(file->path());
  return paths;
}

const MappedFile* ModelFiles::MappingOf(const TensorView& view) const {
  for (const auto& file : safetensors_) {
    if (Contains(file->file().bytes(), view.bytes)) return &file->file();
  }
  for (const auto& file : gguf_) {
    if (Contains(file->file().bytes(), view.bytes)) return &file->file();
  }
  return nullptr;
}

}  // namespace hyprstream::formats
