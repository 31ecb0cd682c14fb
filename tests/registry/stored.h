// A store in a temporary folder and models in it whose bytes are known.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../base/folder.h"
#include "base/error.h"
#include "base/hash.h"
#include "registry/store.h"

namespace hyprstream::testing {

inline std::string Sha256Of(std::string_view text) {
  return Sha256Hex(std::as_bytes(std::span(text)));
}

inline registry::FileRecord RecordOf(std::string path, std::string_view text) {
  return {.path = std::move(path), .size = text.size(), .sha256 = Sha256Of(text)};
}

inline registry::ModelKey KeyOf(std::string name, std::string revision = "r1") {
  return {.registry = "hf", .org = "org", .name = std::move(name), .revision = std::move(revision)};
}

/// Content goes the way that a download goes.
inline void KeepText(registry::Store& store, std::string_view text) {
  const std::string sha256 = Sha256Of(text);
  registry::PartialFile partial = store.OpenPartial(sha256);
  partial.Reset();
  ASSERT_EQ(::write(partial.descriptor(), text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
  store.Keep(std::move(partial), sha256);
}

using Texts = std::map<std::string, std::string>;

inline void PublishTexts(registry::Store& store, const registry::ModelKey& key, const Texts& texts,
                         registry::Existing existing = registry::Existing::kAddTo) {
  std::vector<registry::FileRecord> files;
  for (const auto& [path, text] : texts) {
    KeepText(store, text);
    files.push_back(RecordOf(path, text));
  }
  store.Publish(key, files, "https://hub.example/" + key.name, existing);
}

inline Texts TextsIn(const std::filesystem::path& folder) {
  Texts texts;
  if (!std::filesystem::exists(folder)) return texts;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    texts[entry.path().lexically_relative(folder).string()] = Read(entry.path());
  }
  return texts;
}

template <typename Action>
ErrorCode CodeOf(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kUsage;
}

/// In memory where that is a place for files: syncing to a disk is most of what a store does.
inline std::filesystem::path QuickFolder() {
  return ::access("/dev/shm", W_OK) == 0 ? std::filesystem::path("/dev/shm")
                                         : std::filesystem::temp_directory_path();
}

struct StoreFolder {
  Folder folder{QuickFolder()};
  registry::StorePaths paths{.data_home = folder / "data", .cache_home = folder / "cache"};

  registry::Store Open() const { return registry::Store::Open(paths); }
  std::filesystem::path models() const { return paths.data_home / "models"; }
};

}  // namespace hyprstream::testing
