// A folder that appears under its name complete or not at all. What a killed writer leaves
// is removed by the next one to the same name. One thread per object.
#pragma once

#include <filesystem>

#include "base/unfinished.h"

namespace hyprstream {

/// Errors: kAlreadyExists when there is something at `path` (an empty folder does not count).
void RequireNothingAt(const std::filesystem::path& path);

class NewFolder {
 public:
  /// What happens to a folder that has the name already: the new one is refused, or takes its place
  /// in one step, after which the old one is removed.
  enum class Existing { kRefuse, kReplace };

  /// Makes an empty folder beside `target`, and the folders above it where they are missing.
  /// Errors: those of RequireNothingAt; kIo.
  explicit NewFolder(std::filesystem::path target, Existing existing = Existing::kRefuse);
  /// Without Commit everything is removed.
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  /// Where the files go until Commit.
  const std::filesystem::path& path() const { return folder_.path; }
  /// Errors: kAlreadyExists when something has taken the name meanwhile; kIo.
  void Commit();

 private:
  std::filesystem::path target_;
  internal::Unfinished folder_;
  Existing existing_;
  bool done_ = false;
};

}  // namespace hyprstream
