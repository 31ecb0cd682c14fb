#include "formats/any_tensors.h"

#include <utility>

#include "formats/gguf.h"
#include "formats/pytorch.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

std::string NoteOf(const std::map<std::string, std::string>& notes, std::string_view name) {
  const auto found = notes.find(std::string(name));
  return found == notes.end() ? std::string() : found->second;
}
std::string NoteOf(const GgufFile&, std::string_view) { return {}; }
std::string NoteOf(const SafetensorsFile& file, std::string_view name) {
  return NoteOf(file.metadata(), name);
}
std::string NoteOf(const PytorchFile& file, std::string_view name) {
  return NoteOf(file.notes(), name);
}

template <typename File>
class Opened : public AnyTensors {
 public:
  Opened(std::string_view format, std::shared_ptr<const File> file)
      : format_(format), file_(std::move(file)) {}
  std::string_view format() const override { return format_; }
  std::span<const NamedTensor> tensors() const override { return file_->tensors(); }
  std::string Note(std::string_view name) const override { return NoteOf(*file_, name); }

 private:
  std::string_view format_;
  std::shared_ptr<const File> file_;
};

template <typename File>
std::shared_ptr<const AnyTensors> OpenAs(std::string_view format,
                                         const std::filesystem::path& path) {
  return std::make_shared<Opened<File>>(format, File::Open(path));
}

/// After the eight bytes of its length, a safetensors header begins with a brace.
bool LooksLikeSafetensors(std::span<const std::byte> file) {
  return file.size() > 8 && file[8] == std::byte{'{'};
}

bool LooksLikeGguf(std::span<const std::byte> file) {
  return file.size() >= 4 && file[0] == std::byte{'G'} && file[1] == std::byte{'G'} &&
         file[2] == std::byte{'U'} && file[3] == std::byte{'F'};
}

}  // namespace

std::shared_ptr<const AnyTensors> AnyTensors::Open(const std::filesystem::path& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::Open(path);
  RefuseLfsPointer(file->bytes(), path);
  if (LooksLikeGguf(file->bytes())) return OpenAs<GgufFile>("gguf", path);
  if (LooksLikePytorch(file->bytes())) return OpenAs<PytorchFile>("pytorch", path);
  if (LooksLikeSafetensors(file->bytes())) return OpenAs<SafetensorsFile>("safetensors", path);
  throw Error(ErrorCode::kDataLoss, {.message = "this is not a file of tensors",
                                     .expected = "safetensors, GGUF or a file of torch.save",
                                     .where = path.string()});
}

}  // namespace hyprstream::formats
