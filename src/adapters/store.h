// The adapters of this machine: which there are, their immutable versions, which version is
// current. Versions are files below `home`/adapters/NAME/, named by number and content hash; the
// catalogue
// (`home`/catalog.db) says what they are. A file is complete under its final name before the
// catalogue mentions it, so a process killed at any moment leaves every mentioned version whole.
// One thread per object; several processes may use the same home.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"

namespace hyprstream::adapters {

/// kPromoted: has been served, or may be. kRejected: its evaluation was worse; kept with its
/// numbers. kCandidate: not judged yet.
enum class VersionStatus { kPromoted, kRejected, kCandidate };
/// "promoted", "rejected", "candidate".
std::string_view VersionStatusName(VersionStatus status);

struct AdapterRecord {
  std::string id;  // UUID
  std::string name;
  std::string kind;  // "sparse", "lora", "delta"
  std::string base_model;
  std::string base_fingerprint;
  std::string spec;     // JSON, as AdapterSpec writes it
  std::string created;  // UTC, ISO 8601
  int64_t current = 0;  // version that is served; 0 is the base
  bool pinned = false;  // the current version stays until it is unpinned
};

struct VersionRecord {
  int64_t version = 0;
  std::string hash;  // hexadecimal SHA-256 of the content
  std::filesystem::path file;
  std::string created;
  VersionStatus status = VersionStatus::kCandidate;
  std::optional<double> heldout_loss = {};
  std::optional<double> general_loss = {};
  int64_t samples = 0;  // seen so far
  int64_t steps = 0;
  std::vector<std::string> tags;
};

struct NewAdapter {
  std::string name;
  std::string kind;
  std::string base_model;
  std::string base_fingerprint;
  std::string spec;
};

struct NewVersion {
  VersionStatus status = VersionStatus::kPromoted;
  std::optional<double> heldout_loss = {};
  std::optional<double> general_loss = {};
  int64_t samples = 0;
  int64_t steps = 0;
  /// The version that must still be current for this one to be added.
  std::optional<int64_t> follows = {};
  /// Done in the transaction that adds the version.
  std::function<void(Database&)> along = {};
};

/// Of "2026-01-31T12:00:00.000Z", as the catalogue writes it; 0 for anything else.
int64_t UnixSecondsOf(const std::string& created);

/// Letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 96, no "..".
/// Errors: kInvalidArgument.
void CheckAdapterName(std::string_view name);

class AdapterStore {
 public:
  /// Creates what is missing. Errors: those of Database; kIo.
  explicit AdapterStore(const std::filesystem::path& home);

  /// Version 0, equal to the base. Errors: kInvalidArgument for the name, kAlreadyExists.
  AdapterRecord Create(const NewAdapter& adapter);
  std::vector<AdapterRecord> List();
  /// Errors: kNotFound, naming those there are. By name or id.
  AdapterRecord Get(std::string_view name);
  /// The adapter, its versions and their files.
  void Delete(std::string_view name);

  /// `write` puts the version's file at the path it is given, atomically, and returns its content
  /// hash. The version becomes current when it is promoted; while the adapter is pinned it is kept
  /// as a candidate instead. Errors: kFailedPrecondition when another version than `follows` is
  /// current.
  VersionRecord AddVersion(std::string_view name, const NewVersion& version,
                           const std::function<std::string(const std::filesystem::path&)>& write);
  /// Oldest first; version 0 has no record.
  std::vector<VersionRecord> Versions(std::string_view name);
  /// "7", "tag", "current" or empty (the current one). Nothing for version 0. Errors: kNotFound.
  std::optional<VersionRecord> Find(std::string_view name, std::string_view version);

  /// Makes an existing version (0 for the base) the current one. Errors: kNotFound;
  /// kFailedPrecondition while the adapter is pinned, unless that version is current already.
  void Promote(std::string_view name, int64_t version);
  /// Back to the version that was current before this one. Errors: kFailedPrecondition when there
  /// was none, or while the adapter is pinned. Returns the version.
  int64_t RollBack(std::string_view name);
  /// Makes a version current and keeps it so, whatever is learned, until Unpin. Errors: kNotFound.
  void Pin(std::string_view name, int64_t version);
  void Unpin(std::string_view name);
  /// A tag names one version; it moves when it is given again.
  void Tag(std::string_view name, std::string_view tag, int64_t version);
  void DeleteTag(std::string_view name, std::string_view tag);
  /// Removes all but the newest `keep` versions, those besides that are current or tagged, and the
  /// one that RollBack would go to.
  int64_t Trim(std::string_view name, int64_t keep);

  /// Where an adapter's own files lie (versions, the state of its training).
  std::filesystem::path Folder(std::string_view name) const;

 private:
  void RemoveVersion(std::string_view name, const VersionRecord& version);

  const std::filesystem::path home_;
  Database database_;
};

}  // namespace hyprstream::adapters
