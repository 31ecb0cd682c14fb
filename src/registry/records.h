// What the catalogue knows of stored models: tables `models`, `model_files`, `model_refs` and
// `model_contents` of catalog.db. Only SQL; who may call what when is the store's business. Errors:
// those of Database.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"
#include "registry/names.h"

namespace hyprstream::registry {

struct FileRecord {
  std::string path;  // inside the model, '/' between parts
  std::uint64_t size = 0;
  std::string sha256;

  bool operator==(const FileRecord&) const = default;
};

struct ModelRecord {
  ModelKey key;
  std::string source_url;
  std::string created;                 // UTC, ISO 8601
  std::vector<FileRecord> files = {};  // by path
  std::vector<std::string> refs = {};  // branches and tags that mean this revision

  /// Of all files, shared content counted each time.
  std::uint64_t size() const;
};

void MakeModelTables(Database& database);

/// Newest first.
std::vector<ModelRecord> ReadModels(Database& database);
std::optional<ModelRecord> ReadModel(Database& database, const ModelKey& key);

/// Adds the model or replaces what is known of it, its time included.
void WriteModel(Database& database, const ModelKey& key, std::span<const FileRecord> files,
                std::string_view source_url);
void EraseModel(Database& database, const ModelKey& key);

/// What `ref` ("main") means now.
void WriteRef(Database& database, const ModelKey& key, std::string_view ref);
std::optional<std::string> ReadRef(Database& database, std::string_view registry,
                                   std::string_view org, std::string_view name,
                                   std::string_view ref);

bool IsReferenced(Database& database, std::string_view sha256);

/// A content may have another name elsewhere (a git SHA-1).
void WriteContentName(Database& database, std::string_view id, std::string_view sha256);
std::optional<std::string> ReadContentName(Database& database, std::string_view id);

}  // namespace hyprstream::registry
