#include "registry/find_cached.h"

#include <algorithm>
#include <map>
#include <regex>

#include "base/error.h"
#include "registry/hub_copy.h"
#include "registry/hub_files.h"

namespace hyprstream::registry {
namespace {

/// No shard of "name-00001-of-00003.…" is missing.
bool HasEveryShard(const std::vector<RepositoryFile>& files) {
  static const std::regex shard("^(.*)-[0-9]{5}-of-([0-9]{5})\\.[a-z]+$");
  std::map<std::pair<std::string, std::string>, unsigned long> counted;
  std::smatch match;
  for (const RepositoryFile& file : files) {
    if (std::regex_match(file.name, match, shard)) ++counted[{match[1], match[2]}];
  }
  return std::all_of(counted.begin(), counted.end(),
                     [](const auto& set) { return set.second == std::stoul(set.first.second); });
}

bool Has(const std::vector<RepositoryFile>& files, std::string_view name) {
  return std::any_of(files.begin(), files.end(),
                     [&](const RepositoryFile& file) { return file.name == name; });
}

}  // namespace

std::optional<CachedModel> FindCached(const HubCache& cache, const ModelReference& reference) {
  if (reference.kind != ModelReference::Kind::kHuggingFace) return {};
  const std::string repository = reference.repository();
  const auto commit = cache.Commit(repository, reference.revision);
  const auto snapshot = commit ? cache.Snapshot(repository, *commit) : std::nullopt;
  if (!snapshot) return {};
  Selection selection;
  try {
    const Repository there{
        .id = repository, .commit = *commit, .files = SnapshotFiles(cache, repository, *commit)};
    selection = SelectFiles(there, reference.quant, {});
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kFailedPrecondition) throw;
    return {};  // only parts of it
  }
  if (!HasEveryShard(selection.files)) return {};
  ModelReference pinned = reference;
  pinned.revision = *commit;
  CachedModel found{
      .path = *snapshot, .name = reference.name, .reference = FormatReference(pinned)};
  if (selection.kind == Selection::Kind::kSafetensors) {
    if (!Has(selection.files, "config.json")) return {};
    return found;
  }
  if (selection.kind != Selection::Kind::kGguf) return {};
  const auto first = std::min_element(
      selection.files.begin(), selection.files.end(),
      [](const RepositoryFile& a, const RepositoryFile& b) { return a.name < b.name; });
  found.path /= first->name;
  return found;
}

}  // namespace hyprstream::registry
