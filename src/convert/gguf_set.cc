#include "convert/gguf_set.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/posix_file.h"
#include "convert/shards.h"

namespace hyprstream::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".gguf";

bool AreDigits(std::string_view text) {
  return text.size() == 5 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// "-00001-of-00003".
bool IsPlace(std::string_view text) {
  constexpr std::string_view kOf = "-of-";
  return text.size() == 15 && text[0] == '-' && AreDigits(text.substr(1, 5)) &&
         text.substr(6, 4) == kOf && AreDigits(text.substr(10));
}

bool IsAmong(const fs::path& path, std::span<const fs::path> sources) {
  std::error_code ignored;
  return std::ranges::any_of(
      sources, [&](const fs::path& source) { return fs::equivalent(path, source, ignored); });
}

void Remove(const fs::path& path) {
  std::error_code problem;
  fs::remove(path, problem);
  if (problem) internal::FailFile("cannot remove", path, problem.value());
}

}  // namespace

GgufSet::GgufSet(fs::path file, size_t shards) : file_(std::move(file)) {
  // Loaders find the other shards by the extension.
  stem_ = (file_.extension() == kExtension ? file_.stem() : file_.filename()).string();
  const fs::path folder = internal::FolderOf(file_);
  for (size_t i = 0; i < shards; ++i) {
    names_.push_back(shards == 1 ? file_
                                 : folder / ShardName(stem_, std::string(kExtension), i, shards));
  }
}

void GgufSet::RequireFree(std::span<const fs::path> sources, NewFolder::Existing existing) const {
  for (const fs::path& name : names_) {
    if (IsAmong(name, sources)) {
      throw Error(ErrorCode::kInvalidArgument,
                  {.message = "a model cannot be converted onto itself",
                   .expected = "an output apart from the source",
                   .found = name.string()});
    }
    if (existing == NewFolder::Existing::kRefuse || fs::is_directory(name)) RequireNothingAt(name);
  }
}

void GgufSet::MoveShardsFrom(const fs::path& folder) const {
  const fs::path& first = names_.front();
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(first, ignored))) {
    Remove(first);
    internal::SyncFolder(internal::FolderOf(file_));
  }
  for (size_t i = names_.size(); i-- > 0;) {
    // What was moved lasts before it can be opened.
    if (i == 0) internal::SyncFolder(internal::FolderOf(file_));
    std::error_code problem;
    fs::rename(folder / names_[i].filename(), names_[i], problem);
    if (problem) internal::FailFile("cannot rename", names_[i], problem.value());
  }
  internal::SyncFolder(internal::FolderOf(file_));
}

void GgufSet::RemoveOthers(std::span<const fs::path> sources) const {
  std::vector<fs::path> others;
  std::error_code failed;
  for (fs::directory_iterator at(internal::FolderOf(file_), failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!at->is_regular_file(failed) || !name.starts_with(stem_) || !name.ends_with(kExtension)) {
      continue;
    }
    const std::string_view place(name.data() + stem_.size(),
                                 name.size() - stem_.size() - kExtension.size());
    if (IsPlace(place)) others.push_back(internal::FolderOf(file_) / name);
  }
  if (names_.size() > 1 && fs::is_regular_file(file_, failed)) others.push_back(file_);
  std::erase_if(others, [&](const fs::path& path) {
    return std::ranges::find(names_, path) != names_.end() || IsAmong(path, sources);
  });
  std::ranges::sort(others);  // number 1 of each set before its others
  for (const fs::path& path : others) Remove(path);
}

}  // namespace hyprstream::convert
