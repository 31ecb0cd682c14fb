// The files that one GGUF output consists of: "x.gguf", or its shards "x-00001-of-00003.gguf". A
// set takes the place of another one, of whatever number of shards, so that no loader ever takes
// parts of both for a model.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/new_folder.h"

namespace hyprstream::convert {

class GgufSet {
 public:
  /// `file`: the output's name; a split one has names made of it.
  GgufSet(std::filesystem::path file, size_t shards);

  const std::filesystem::path& file() const { return file_; }
  /// Under which the files appear, number 1 first.
  const std::vector<std::filesystem::path>& names() const { return names_; }

  /// Errors: kInvalidArgument when one of the names is among `sources`; kAlreadyExists when a name
  /// is taken and `existing` is kRefuse, or it is a folder's.
  void RequireFree(std::span<const std::filesystem::path> sources,
                   NewFolder::Existing existing) const;

  /// Moves the shards from `folder`, where all are whole, to their names. Number 1, without which
  /// none can be opened, is the last; one of an old set with as many shards is removed before the
  /// first. A process killed in between leaves the old set, or shards without a number 1.
  void MoveShardsFrom(const std::filesystem::path& folder) const;

  /// Removes what an earlier set had under other names, its number 1 first; `sources` stay. A
  /// process killed in between leaves the new set and shards without a number 1.
  void RemoveOthers(std::span<const std::filesystem::path> sources) const;

 private:
  std::filesystem::path file_;
  std::string stem_;
  std::vector<std::filesystem::path> names_;
};

}  // namespace hyprstream::convert
