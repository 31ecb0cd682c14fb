// Where the program keeps what it can make again, and how much of it.
#pragma once

#include <filesystem>

#include "cli/settings.h"
#include "model/repack_cache.h"

namespace hyprstream::cli {

/// The setting cache.directory, else hyprstream/ in the XDG cache home; empty when there is no
/// home.
std::filesystem::path CacheFolder(const Settings& settings);

/// Repacked weights lie in repacked/ below the cache folder; no folder when they are switched off.
model::RepackOptions RepackSettings(const Settings& settings);

}  // namespace hyprstream::cli
