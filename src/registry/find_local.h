// Which files on this machine a reference means: a model of the store. Nothing is fetched and
// nothing is made. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/reference.h"
#include "registry/store.h"

namespace hyprstream::registry {

struct LocalModel {
  std::filesystem::path path;         // folder or GGUF file, as ModelFiles::Open takes it
  std::string name;                   // "Qwen3-0.6B", "qwen3:0.6b"
  std::string reference;              // finds the same model again, from anywhere
  std::optional<ModelRecord> record;  // of the store
};

/// The model `reference` means, if it is stored. Errors: kNotFound when the model is there but not
/// the GGUF that the reference chooses, listing those there are; kInvalidArgument when a choice is
/// needed.
std::optional<LocalModel> FindStored(const Store& store, const ModelReference& reference);

/// By a word without organisation: "Qwen3-0.6B" or "qwen3:0.6b". Errors: kInvalidArgument listing
/// the models of that name when there are several.
std::optional<LocalModel> FindStoredByName(const Store& store, std::string_view word);

/// The stored model's folder, or its one file, as ModelFiles::Open takes it.
std::filesystem::path PathOf(const Store& store, const ModelRecord& model);

/// The files that `quant` means in it: all parts of one GGUF. Errors: kNotFound.
std::vector<std::string> PartsOf(const ModelRecord& model, std::string_view quant);

/// What a stored model is called where a short name is wanted: "Qwen3-0.6B", "qwen3:0.6b", "qwen3".
std::string ShortName(const ModelKey& key);
/// As a user types it: "hf://org/name@main" where a branch means it, "ollama://qwen3:0.6b".
std::string ReferenceOf(const ModelRecord& model);

}  // namespace hyprstream::registry
