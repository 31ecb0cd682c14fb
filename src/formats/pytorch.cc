#include "formats/pytorch.h"

#include <algorithm>
#include <cstring>

#include "formats/pickle.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr uint64_t kLeastCopyLimit = uint64_t{64} << 20;
constexpr std::string_view kZipMagic = "PK\x03\x04";
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0a";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void FailTensor(std::string_view name, std::string message, std::string expected = {},
                             std::string found = {}) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message),
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = "tensor " + Quote(name)});
}

bool IsContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t i = tensor.sizes.size(); i > 0; --i) {
    if (tensor.sizes[i - 1] == 1) continue;
    if (tensor.strides[i - 1] != expected) return false;
    expected *= tensor.sizes[i - 1];
  }
  return true;
}

/// One past the last element that the tensor touches; nothing when it overflows. Not for empty
/// ones.
std::optional<uint64_t> End(const PickledTensor& tensor) {
  uint64_t end = 0;
  if (__builtin_add_overflow(tensor.offset, uint64_t{1}, &end)) return std::nullopt;
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    uint64_t reach = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.sizes[i] - 1),
                               static_cast<uint64_t>(tensor.strides[i]), &reach) ||
        __builtin_add_overflow(end, reach, &end)) {
      return std::nullopt;
    }
  }
  return end;
}

/// Copies the strided elements into row-major order. The tensor is not empty and lies in `record`.
void CopyStrided(const PickledTensor& tensor, std::span<const std::byte> record, size_t size,
                 std::byte* out) {
  std::vector<int64_t> index(tensor.sizes.size(), 0);
  uint64_t position = tensor.offset;
  while (true) {
    std::memcpy(out, record.data() + position * size, size);
    out += size;
    size_t axis = index.size();
    while (axis > 0 && ++index[axis - 1] == tensor.sizes[axis - 1]) {
      --axis;
      index[axis] = 0;
      position -= static_cast<uint64_t>((tensor.sizes[axis] - 1) * tensor.strides[axis]);
    }
    if (axis == 0) return;
    position += static_cast<uint64_t>(tensor.strides[axis - 1]);
  }
}

const PickleValue* FindKey(const PickleDict& dict, std::string_view name) {
  for (const auto& [key, value] : dict.items) {
    const auto* text = key->As<std::string>();
    if (text != nullptr && *text == name) return value;
  }
  return nullptr;
}

/// The dictionary itself, or the one that a training checkpoint keeps inside.
const PickleDict& StateDict(const PickleValue& root) {
  const auto* dict = root.As<PickleDict>();
  if (dict == nullptr) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "the file does not hold a dictionary of tensors", .where = "data.pkl"});
  }
  for (const char* name : {"state_dict", "model"}) {
    const PickleValue* inner = FindKey(*dict, name);
    if (inner != nullptr && inner->As<PickleDict>() != nullptr) return *inner->As<PickleDict>();
  }
  return *dict;
}

}  // namespace

class PytorchReader {
 public:
  explicit PytorchReader(PytorchFile& file) : file_(file) {}

  void Read() {
    const std::span<const std::byte> bytes = file_.file_->bytes();
    if (AsText(bytes).starts_with(kLegacyMagic)) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "the file is of the format before PyTorch 1.6",
                   .hint = "load it with PyTorch and save it again, best as safetensors"});
    }
    if (!AsText(bytes).starts_with(kZipMagic)) {
      throw Error(ErrorCode::kDataLoss, {.message = "this is not a file of torch.save",
                                         .expected = "a ZIP archive",
                                         .where = "offset 0"});
    }
    file_.archive_ = std::make_unique<ZipArchive>(bytes);
    copy_limit_ = std::max<uint64_t>(kLeastCopyLimit, bytes.size());
    FindRoot();
    CheckKind();
    const Pickle pickle(Record("data.pkl"));
    for (const auto& [key, value] : StateDict(pickle.root()).items) AddTensor(*key, *value);
    ReadNotes();
  }

 private:
  void ReadNotes() {
    const std::string folder = root_ + "extra/";
    for (const ZipEntry& entry : file_.archive_->entries()) {
      if (!entry.name.starts_with(folder) || entry.bytes > PytorchFile::kMaxNoteBytes) continue;
      file_.notes_.emplace(entry.name.substr(folder.size()),
                           std::string(AsText(file_.archive_->Read(entry))));
    }
  }

  void FindRoot() {
    const auto entries = file_.archive_->entries();
    if (entries.empty()) {
      throw Error(ErrorCode::kDataLoss, {.message = "the archive is empty", .where = "directory"});
    }
    const std::string& first = entries.front().name;
    root_ = first.substr(0, first.find('/') + 1);
    for (const ZipEntry& entry : entries) {
      if (root_.empty() || !entry.name.starts_with(root_)) {
        throw Error(ErrorCode::kDataLoss, {.message = "an entry lies outside the archive's folder",
                                           .expected = "all in " + Quote(root_),
                                           .found = Quote(entry.name),
                                           .where = "directory"});
      }
    }
  }

  void CheckKind() {
    const auto has = [&](std::string_view name) {
      return file_.archive_->Find(root_ + std::string(name)) != nullptr;
    };
    if (has("constants.pkl") || has("code/")) {
      throw Error(ErrorCode::kUnsupported, {.message = "the file is a TorchScript program",
                                            .expected = "a dictionary of tensors",
                                            .where = root_ + "constants.pkl"});
    }
    if (!has("version") && !has(".data/version")) {
      throw Error(ErrorCode::kDataLoss, {.message = "the archive lacks its version",
                                         .expected = root_ + "version",
                                         .where = "directory"});
    }
    if (has("byteorder") && AsText(Record("byteorder")) != "little") {
      throw Error(ErrorCode::kUnsupported, {.message = "the file is big-endian",
                                            .expected = "little",
                                            .where = root_ + "byteorder"});
    }
  }

  std::span<const std::byte> Record(const std::string& name) {
    const ZipEntry* entry = file_.archive_->Find(root_ + name);
    if (entry == nullptr) {
      throw Error(ErrorCode::kDataLoss, {.message = "the archive lacks a record",
                                         .expected = Quote(root_ + name),
                                         .where = "directory"});
    }
    return file_.archive_->Read(*entry);
  }

  /// A storage's bytes, whose number must be what the pickle says.
  std::span<const std::byte> Storage(const PickledStorage& storage, std::string_view tensor) {
    const auto known = records_.find(storage.key);
    const auto record =
        known != records_.end()
            ? known->second
            : records_.emplace(storage.key, Record("data/" + storage.key)).first->second;
    const std::optional<uint64_t> bytes = RowBytes(storage.dtype, storage.count);
    if (!bytes || *bytes != record.size()) {
      FailTensor(tensor, "a storage's record has a wrong size",
                 std::to_string(storage.count) + " elements of " + std::string(Name(storage.dtype)),
                 std::to_string(record.size()) + " bytes");
    }
    return record;
  }

  void AddTensor(const PickleValue& key, const PickleValue& value) {
    const auto* name = key.As<std::string>();
    if (name == nullptr || !IsCleanName(*name)) {
      FailTensor(name == nullptr ? "" : *name, "a tensor has a name that is not allowed");
    }
    const auto* tensor = value.As<PickledTensor>();
    if (tensor == nullptr) {
      FailTensor(*name, "the dictionary holds something else than a tensor", "tensors only");
    }
    if (!file_.by_name_.emplace(*name, file_.tensors_.size()).second) {
      FailTensor(*name, "a tensor's name appears twice");
    }
    file_.tensors_.push_back({*name, View(*name, *tensor)});
  }

  TensorView View(const std::string& name, const PickledTensor& tensor) {
    const std::span<const std::byte> record = Storage(tensor.storage, name);
    const Shape shape(tensor.sizes);
    const DType dtype = tensor.storage.dtype;
    const std::optional<int64_t> elements = CheckedElementCount(shape);
    if (!elements) FailTensor(name, "a tensor's shape is impossible", "", shape.ToString());
    if (*elements == 0) return {dtype, shape, {}};
    const std::optional<uint64_t> end = End(tensor);
    if (!end || *end > tensor.storage.count) {
      FailTensor(name, "a tensor reaches beyond its storage",
                 "at most " + std::to_string(tensor.storage.count) + " elements",
                 shape.ToString() + " from element " + std::to_string(tensor.offset));
    }
    const auto size = static_cast<size_t>(*RowBytes(dtype, 1));
    if (IsContiguous(tensor)) {
      return {dtype, shape,
              record.subspan(tensor.offset * size, static_cast<uint64_t>(*elements) * size)};
    }
    if (static_cast<uint64_t>(*elements) > (copy_limit_ - copied_) / size) {
      throw Error(ErrorCode::kLimit, {.message = "the file's tensors are much larger than the file",
                                      .where = "tensor " + Quote(name) + " " + shape.ToString(),
                                      .hint = "save contiguous tensors"});
    }
    copied_ += static_cast<uint64_t>(*elements) * size;
    AlignedBuffer& copy = file_.copies_.emplace_back(static_cast<size_t>(*elements) * size);
    CopyStrided(tensor, record, size, copy.data());
    return {dtype, shape, {copy.data(), copy.size()}};
  }

  PytorchFile& file_;
  std::string root_;  // with the slash
  std::map<std::string, std::span<const std::byte>> records_;
  uint64_t copy_limit_ = 0;
  uint64_t copied_ = 0;
};

std::shared_ptr<const PytorchFile> PytorchFile::Open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> mapping = MappedFile::Open(path);
  RefuseLfsPointer(mapping->bytes(), path);
  std::shared_ptr<PytorchFile> file(new PytorchFile);
  file->file_ = std::move(mapping);
  try {
    PytorchReader(*file).Read();
  } catch (const Error& error) {
    throw error.Within(path.string());
  }
  return file;
}

const NamedTensor* PytorchFile::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

bool LooksLikePytorch(std::span<const std::byte> file) {
  return AsText(file).starts_with(kZipMagic) || AsText(file).starts_with(kLegacyMagic);
}

}  // namespace hyprstream::formats
