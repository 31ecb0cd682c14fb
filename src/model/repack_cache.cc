#include "model/repack_cache.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"

namespace hyprstream::model {
namespace {

namespace fs = std::filesystem;

std::string NameFor(const fs::path& model, const std::string& layout) {
  std::error_code failed;
  fs::path whole = fs::weakly_canonical(model, failed);
  if (failed) whole = model;
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string instructions = layout.substr(layout.find('-') + 1);
  const std::string text = whole.string() + '\n' + instructions;
  constexpr size_t kStem = 60;
  std::string stem = whole.stem().string().substr(0, kStem);
  if (stem.empty() || stem.front() == '.') stem = "model" + stem;
  return stem + "-" + instructions + "-" + Sha256Hex(std::as_bytes(std::span(text))).substr(0, 16) +
         ".hyprpack";
}

// Two numbers of seconds and nanoseconds, as one.
int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void WriteFile(const FileCache& cache, const std::string& name,
               std::span<const RepackedTensor> tensors, const RepackedKey& key) {
  const RepackedPlan plan = PlanRepackedFile(tensors);
  const std::unique_ptr<FileCache::Writer> writer = cache.Begin(name, {plan.file_bytes});
  if (writer == nullptr) return;  // another process is at it
  const std::vector<std::byte> header = RepackedHeader(tensors, plan, key);
  const std::array<std::byte, kRepackedAlignment> zeros{};
  writer->Write(header);
  uint64_t offset = header.size();
  for (size_t i = 0; i < tensors.size(); ++i) {
    writer->Write(std::span(zeros).first(plan.offsets[i] - offset));
    writer->Write(tensors[i].strips);
    offset = plan.offsets[i] + tensors[i].strips.size();
  }
  writer->Commit();
  LogDebug("repacked weights are kept in " + (cache.folder() / name).string());
}

std::string Describe(const Error& error) {
  const ErrorDetail& detail = error.detail();
  std::string text = detail.message;
  if (!detail.found.empty()) text += ": " + detail.found;
  if (!detail.where.empty()) text += " (" + detail.where + ")";
  return text;
}

}  // namespace

RepackCache::RepackCache(const formats::ModelFiles& files, const std::string& fingerprint,
                         std::string layout, RepackOptions options)
    : weight_files_(files.weight_files()),
      fingerprint_(fingerprint),
      layout_(std::move(layout)),
      options_(std::move(options)),
      cache_(options_.folder, options_.limit) {
  if (options_.folder.empty()) return;
  name_ = NameFor(files.path(), layout_);
  key_ = Key();
}

std::optional<RepackedKey> RepackCache::Key() const {
  Sha256 hash;
  const auto add = [&](std::string_view text) {
    hash.Update(std::as_bytes(std::span(text)));
    hash.Update(std::array<std::byte, 1>{});
  };
  add(fingerprint_);
  add(layout_);
  for (const fs::path& file : weight_files_) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return std::nullopt;
    const std::array<int64_t, 5> identity = {
        static_cast<int64_t>(status.st_dev), static_cast<int64_t>(status.st_ino),
        static_cast<int64_t>(status.st_size), Nanoseconds(status.st_mtim),
        Nanoseconds(status.st_ctim)};
    hash.Update(std::as_bytes(std::span(identity)));
  }
  return hash.Finish();
}

std::shared_ptr<const RepackedFile> RepackCache::Open(ThreadPool& pool) const {
  if (!key_) return nullptr;
  const std::string path = (cache_.folder() / name_).string();
  try {
    std::shared_ptr<const MappedFile> mapping = cache_.Find(name_);
    if (mapping == nullptr) return nullptr;
    auto file = std::make_shared<RepackedFile>(RepackedFile::Parse(mapping->bytes(), *key_));
    file->Load(pool, [&](std::span<const std::byte> part) { mapping->DropPages(part); });
    return file;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kFailedPrecondition) {
      LogInfo("the repacked weights in " + path + " are out of date and are made again");
    } else {
      LogWarning("cannot use the repacked weights in " + path +
                 ", making them again: " + Describe(error));
    }
    return nullptr;
  }
}

std::shared_ptr<const void> RepackCache::Store(std::vector<RepackedTensor> tensors) const {
  uint64_t bytes = 0;
  for (const RepackedTensor& tensor : tensors) bytes += tensor.strips.size();
  if (!key_ || bytes == 0 || bytes < options_.least.value) return nullptr;
  if (Key() != key_) {
    LogWarning("the model's files changed while they were read");
    return nullptr;
  }
  const auto write = [cache = cache_, name = name_, key = *key_, tensors = std::move(tensors)] {
    // The answer comes first. (On Linux this means the calling thread.)
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
    try {
      WriteFile(cache, name, tensors, key);
    } catch (const Error& error) {
      LogWarning("cannot keep the repacked weights, the next start will be slower: " +
                 Describe(error));
    }
  };
  return std::make_shared<const std::jthread>(write);
}

}  // namespace hyprstream::model
