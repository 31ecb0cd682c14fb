// One change of one model's folder that a killed process cannot leave half done. A change leaves a
// note of its target in .staging/ID before it touches anything and takes the note away when the
// catalogue and the folder agree again. Whoever holds the store's lock and finds a note brings that
// model's folder to what the catalogue says (`RepairFolders`). Everything here needs that lock.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/sqlite.h"
#include "registry/content_folder.h"
#include "registry/folders.h"
#include "registry/records.h"

namespace hyprstream::registry {

class FolderChange {
 public:
  /// Writes the note. `models` is the store's folder, `shown` its path.
  FolderChange(int models, const std::filesystem::path& shown, const ModelKey& key);

  enum class Absent { kRefuse, kSkip };  // what to do about content that is missing
  /// Makes the new folder, out of sight. Errors: kNotFound, and what linking and folders throw.
  void Build(std::span<const FileRecord> files, const ContentFolder& contents, Absent absent);
  /// The new folder appears in place of the old, in one step.
  void Install();
  /// The folder disappears.
  void TakeAway();
  /// Removes what was replaced, and the note.
  void Finish();

 private:
  friend void RepairFolders(int, const std::filesystem::path&, const ContentFolder&, Database&);
  struct Found {
    std::string id;
  };
  FolderChange(int models, const std::filesystem::path& shown, const ModelKey& key, Found found);

  int models_;
  std::filesystem::path shown_;
  std::string target_;  // below models, without its last part
  std::string leaf_;    // its last part
  std::string id_;
  Descriptor staging_;
  Descriptor own_;
};

/// True when some process was killed in a change, or is in one.
bool HasOpenChanges(int models);
void RepairFolders(int models, const std::filesystem::path& shown, const ContentFolder& contents,
                   Database& database);

/// Every file of the model is there and is the content itself.
bool IsLinked(int models, const ModelRecord& model, const ContentFolder& contents);

}  // namespace hyprstream::registry
