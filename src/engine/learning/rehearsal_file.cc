#include "engine/learning/rehearsal_file.h"

#include <cstring>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "formats/safetensors.h"

namespace hyprstream::engine {
namespace {

using training::Sample;

formats::NamedTensor Row(std::string name, const std::vector<int32_t>& values) {
  return {
      std::move(name),
      {DType::kI32, Shape{static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values))}};
}

void Write(const std::filesystem::path& path, std::string_view key,
           const std::vector<Sample>& samples) {
  std::vector<int32_t> ids, labels, lengths;
  for (const Sample& sample : samples) {
    ids.insert(ids.end(), sample.ids.begin(), sample.ids.end());
    labels.insert(labels.end(), sample.labels.begin(), sample.labels.end());
    lengths.push_back(static_cast<int32_t>(sample.ids.size()));
  }
  std::filesystem::create_directories(path.parent_path());
  const std::vector<formats::NamedTensor> tensors{Row("ids", ids), Row("labels", labels),
                                                  Row("lengths", lengths)};
  formats::WriteSafetensors(path, tensors, {{"key", std::string(key)}});
}

std::vector<int32_t> ReadRow(const formats::SafetensorsFile& file, std::string_view name) {
  const formats::NamedTensor* tensor = file.Find(name);
  if (tensor == nullptr || tensor->view.dtype != DType::kI32) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "rehearsed samples are damaged", .where = file.path().string()});
  }
  std::vector<int32_t> values(tensor->view.bytes.size() / sizeof(int32_t));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor->view.bytes.data(), values.size() * sizeof(int32_t));
  }
  return values;
}

/// Nothing when they were drawn otherwise.
std::optional<std::vector<Sample>> Read(const std::filesystem::path& path, std::string_view key) {
  const auto file = formats::SafetensorsFile::Open(path);
  const auto found = file->metadata().find("key");
  if (found == file->metadata().end() || found->second != key) return std::nullopt;
  const std::vector<int32_t> ids = ReadRow(*file, "ids"), labels = ReadRow(*file, "labels");
  std::vector<Sample> samples;
  size_t begin = 0;
  for (const int32_t length : ReadRow(*file, "lengths")) {
    const size_t end = begin + static_cast<size_t>(length);
    if (length < 0 || end > ids.size() || end > labels.size()) return std::nullopt;
    const auto part = [&](const std::vector<int32_t>& from) {
      return std::vector<int32_t>(from.begin() + static_cast<ptrdiff_t>(begin),
                                  from.begin() + static_cast<ptrdiff_t>(end));
    };
    samples.push_back({.ids = part(ids), .labels = part(labels)});
    begin = end;
  }
  return samples;
}

}  // namespace

std::vector<Sample> ReadOrDraw(const std::filesystem::path& path, std::string_view key,
                               const DrawSamples& draw) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    try {
      if (auto samples = Read(path, key)) return std::move(*samples);
    } catch (const Error& error) {
      LogWarning(error.what());
    }
  }
  std::vector<Sample> samples = draw();
  try {
    Write(path, key, samples);
  } catch (const std::exception& error) {
    LogWarning(std::string("what the model knows could not be kept: ") + error.what());
  }
  return samples;
}

}  // namespace hyprstream::engine
