#include "adapters/new_folder.h"

#include "adapters/export_modules.h"
#include "base/error.h"
#include "base/posix_file.h"
#include "base/uuid.h"

namespace hyprstream::adapters {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void Fail(const fs::path& path, const std::error_code& problem) {
  throw Error(ErrorCode::kIo,
              {.message = "cannot create folder: " + problem.message(), .where = path.string()});
}

}  // namespace

NewFolder::NewFolder(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "out/"
  RequireNothingAt(target_);
  std::error_code problem;
  const fs::path parent = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  fs::create_directories(parent, problem);
  temporary_ = parent / ("." + target_.filename().string() + "." + RandomUuid());
  if (!problem) fs::create_directory(temporary_, problem);
  if (problem) Fail(target_, problem);
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!done_) fs::remove_all(temporary_, ignored);
}

void NewFolder::Commit() {
  RequireNothingAt(target_);
  std::error_code problem;
  fs::rename(temporary_, target_, problem);
  if (problem) Fail(target_, problem);
  done_ = true;
  internal::SyncFolder(internal::FolderOf(target_));
}

}  // namespace hyprstream::adapters
