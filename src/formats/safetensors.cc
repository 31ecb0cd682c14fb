#include "formats/safetensors.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstring>

#include "base/atomic_file.h"
#include "formats/safetensors_header.h"
#include "formats/small_files.h"
#include "formats/streamed_tensor.h"

namespace hyprstream::formats {
namespace {

void AppendQuoted(std::string& out, std::string_view text) {
  out += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

/// Where each tensor's bytes begin, for tensors already in file order.
std::string HeaderText(std::span<const StreamedTensor* const> ordered,
                       const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (text.back() != '{') text += ',';
      AppendQuoted(text, key);
      text += ':';
      AppendQuoted(text, value);
    }
    text += '}';
  }
  uint64_t offset = 0;
  for (const StreamedTensor* tensor : ordered) {
    if (text.size() > 1) text += ',';
    AppendQuoted(text, tensor->name);
    text += ":{\"dtype\":\"" + std::string(Name(tensor->dtype)) + "\",\"shape\":[";
    for (const int64_t extent : tensor->shape.extents()) {
      if (text.back() != '[') text += ',';
      text += std::to_string(extent);
    }
    const uint64_t end = offset + tensor->bytes();
    text += "],\"data_offsets\":[" + std::to_string(offset) + ',' + std::to_string(end) + "]}";
    offset = end;
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void CheckWritable(const StreamedTensor& tensor) {
  if (!SafetensorsDType(Name(tensor.dtype))) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "safetensors cannot hold tensor " + Quote(tensor.name),
                 .expected = "a plain element type",
                 .found = std::string(Name(tensor.dtype)),
                 .hint = "widen it to F32 first"});
  }
  HYPR_CHECK(IsCleanName(tensor.name) && tensor.name != "__metadata__");
}

}  // namespace

std::shared_ptr<const SafetensorsFile> SafetensorsFile::Open(const std::filesystem::path& path) {
  const std::shared_ptr<const MappedFile> mapping = MappedFile::Open(path);
  RefuseLfsPointer(mapping->bytes(), path);
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile);
  try {
    SafetensorsHeader header = ReadSafetensorsHeader(mapping->bytes());
    file->tensors_.reserve(header.entries.size());
    for (SafetensorsEntry& entry : header.entries) {
      file->by_name_.emplace(entry.name, file->tensors_.size());
      file->tensors_.push_back(
          {std::move(entry.name),
           {entry.dtype, entry.shape,
            mapping->bytes().subspan(header.data_begin + entry.begin, entry.end - entry.begin)}});
    }
    file->metadata_ = std::move(header.metadata);
  } catch (const Error& error) {
    throw error.Within(path.string());
  }
  file->file_ = mapping;
  return file;
}

const NamedTensor* SafetensorsFile::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

void WriteSafetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<StreamedTensor> streamed;
  for (const NamedTensor& tensor : tensors) streamed.push_back(Streamed(tensor));
  WriteSafetensorsStreamed(path, streamed, metadata);
}

void WriteSafetensorsStreamed(const std::filesystem::path& path,
                              std::span<const StreamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::vector<const StreamedTensor*> ordered;
  for (const StreamedTensor& tensor : tensors) {
    CheckWritable(tensor);
    ordered.push_back(&tensor);
  }
  std::sort(ordered.begin(), ordered.end(), [](const StreamedTensor* a, const StreamedTensor* b) {
    const int a_bits = Info(a->dtype).block_bits;
    const int b_bits = Info(b->dtype).block_bits;
    return a_bits != b_bits ? a_bits > b_bits : a->name < b->name;
  });
  for (size_t i = 1; i < ordered.size(); ++i) HYPR_CHECK(ordered[i - 1]->name != ordered[i]->name);
  const std::string header = HeaderText(ordered, metadata);
  const uint64_t length = header.size();
  AtomicFile file(path);
  const ByteSink sink = [&](std::span<const std::byte> bytes) { file.Write(bytes); };
  file.Write(std::as_bytes(std::span(&length, 1)));
  file.Write(header);
  for (const StreamedTensor* tensor : ordered) WriteTensor(*tensor, sink);
  file.Commit();
}

}  // namespace hyprstream::formats
