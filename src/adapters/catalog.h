// The catalogue's file and its tables: what the adapter store and the sample journal share. Each
// opens it for itself.
#pragma once

#include <filesystem>

#include "base/sqlite.h"

namespace hyprstream::adapters {

/// `home`/catalog.db; makes the folder. Errors: kIo.
std::filesystem::path CatalogPath(const std::filesystem::path& home);

/// Makes the tables that are missing. Errors: those of Database.
void MakeCatalogTables(Database& database);

/// An adapter's row in the catalogue, by name or id. Errors: kNotFound, naming those there are.
int64_t AdapterRow(Database& database, std::string_view name);

}  // namespace hyprstream::adapters
