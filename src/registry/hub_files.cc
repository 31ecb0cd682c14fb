#include "registry/hub_files.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <regex>

#include "base/error.h"
#include "base/memory_budget.h"

namespace hyprstream::registry {
namespace {

constexpr size_t kMaxListed = 40;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

std::string_view BaseName(std::string_view name) { return name.substr(name.rfind('/') + 1); }

bool Matches(const std::string& name, const char* pattern) {
  return ::fnmatch(pattern, name.c_str(), FNM_PATHNAME) == 0;
}

bool Has(const Repository& repository, std::string_view name) {
  return std::any_of(repository.files.begin(), repository.files.end(),
                     [&](const RepositoryFile& file) { return file.name == name; });
}

std::string ShownFile(const RepositoryFile& file) {
  return file.name + (file.size ? " (" + FormatBytes({*file.size}) + ")" : "");
}

std::string Listed(const std::vector<RepositoryFile>& files) {
  std::string text;
  for (size_t i = 0; i < files.size() && i < kMaxListed; ++i) {
    text += (text.empty() ? "" : ", ") + ShownFile(files[i]);
  }
  if (files.size() > kMaxListed) {
    text += " and " + std::to_string(files.size() - kMaxListed) + " more";
  }
  return text;
}

/// "prefix" of "prefix-00001-of-00003.gguf", else the name without ".gguf".
std::string GgufStem(const std::string& name) {
  std::string stem = name.substr(0, name.size() - std::string_view(".gguf").size());
  static const std::regex part("-[0-9]{5}-of-[0-9]{5}$");
  std::smatch match;
  if (std::regex_search(stem, match, part)) stem.resize(static_cast<size_t>(match.position()));
  return stem;
}

/// Models among the GGUFs, by stem; a split one is one model.
std::map<std::string, std::vector<RepositoryFile>> GgufModels(const Repository& repository) {
  std::map<std::string, std::vector<RepositoryFile>> models;
  for (const RepositoryFile& file : repository.files) {
    const std::string lower = Lower(file.name);
    const std::string_view base = BaseName(lower);
    // A projector for images, or statistics for quantising: parts of no text model.
    if (!lower.ends_with(".gguf") || base.starts_with("mmproj") ||
        base.find("imatrix") != std::string_view::npos) {
      continue;
    }
    models[GgufStem(file.name)].push_back(file);
  }
  return models;
}

std::string ListedModels(const std::map<std::string, std::vector<RepositoryFile>>& models) {
  std::string text;
  size_t listed = 0;
  for (const auto& [stem, files] : models) {
    if (++listed > kMaxListed) return text + " and more";
    const std::string label = QuantLabel(files.front().name);
    uint64_t size = 0;
    for (const RepositoryFile& file : files) size += file.size.value_or(0);
    text += (text.empty() ? "" : ", ") +
            (label.empty() ? std::string(BaseName(stem)) + ".gguf" : label) +
            (size > 0 ? " (" + FormatBytes({size}) + ")" : "");
  }
  return text;
}

Selection SelectGguf(const Repository& repository, std::string_view quant) {
  const auto models = GgufModels(repository);
  if (models.empty()) {
    throw Error(ErrorCode::kNotFound, {.message = repository.id + " has no GGUF",
                                       .found = Listed(repository.files),
                                       .hint = "leave out the label after the colon"});
  }
  const std::string wanted = Lower(quant);
  std::vector<const std::vector<RepositoryFile>*> found;
  for (const auto& [stem, files] : models) {
    const std::string base = Lower(BaseName(stem));
    if (wanted.empty() || Lower(QuantLabel(files.front().name)) == wanted || base == wanted ||
        base + ".gguf" == wanted) {
      found.push_back(&files);
    }
  }
  const std::string spelled = "hf://" + repository.id + ":";
  if (found.empty()) {
    throw Error(ErrorCode::kNotFound, {.message = repository.id + " has no such GGUF",
                                       .expected = "one of " + ListedModels(models),
                                       .found = "\"" + std::string(quant) + "\""});
  }
  if (found.size() > 1) {
    const std::string first = QuantLabel(found.front()->front().name);
    const bool by_name = !wanted.empty() || first.empty();
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = repository.id + " has several GGUFs: which one?",
                 .found = ListedModels(models),
                 .hint = "choose one by " + std::string(by_name ? "its file name" : "its label") +
                         ", for example " + spelled +
                         (by_name ? std::string(BaseName(found.front()->front().name)) : first)});
  }
  return {.kind = Selection::Kind::kGguf, .files = *found.front()};
}

bool BelongsToModel(const std::string& name) {
  static constexpr const char* kPatterns[] = {"config.json",       "generation_config.json",
                                              "tokenizer*.json",   "tokenizer.model",
                                              "vocab.json",        "merges.txt",
                                              "added_tokens.json", "special_tokens_map.json",
                                              "chat_template*",    "adapter_config.json",
                                              "LICENSE*"};
  return std::any_of(std::begin(kPatterns), std::end(kPatterns),
                     [&](const char* pattern) { return Matches(name, pattern); });
}

/// Of the safetensors in the repository's top folder, those that are the model: the whole one, or
/// its shards and their index, or whatever else there is.
std::vector<RepositoryFile> WeightFiles(const Repository& repository) {
  static constexpr const char* kChoices[][2] = {
      {"model.safetensors", nullptr},
      {"model-[0-9]*-of-[0-9]*.safetensors", "model.safetensors.index.json"},
      {"adapter_model.safetensors", nullptr},
      {"*.safetensors", "*.safetensors.index.json"}};
  for (const auto& choice : kChoices) {
    std::vector<RepositoryFile> weights, indices;
    for (const RepositoryFile& file : repository.files) {
      if (Matches(file.name, choice[0])) weights.push_back(file);
      if (choice[1] != nullptr && Matches(file.name, choice[1])) indices.push_back(file);
    }
    if (weights.empty()) continue;
    weights.insert(weights.end(), indices.begin(), indices.end());
    return weights;
  }
  return {};
}

Selection SelectNamed(const Repository& repository, const std::vector<std::string>& patterns) {
  Selection selection{.kind = Selection::Kind::kNamed, .files = {}};
  std::vector<bool> taken(repository.files.size());
  for (const std::string& pattern : patterns) {
    bool matched = false;
    for (size_t i = 0; i < repository.files.size(); ++i) {
      const std::string& name = repository.files[i].name;
      if (name != pattern && ::fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
      matched = true;
      taken[i] = true;
    }
    if (!matched) {
      throw Error(ErrorCode::kNotFound, {.message = repository.id + " has no such file",
                                         .expected = "one of " + Listed(repository.files),
                                         .found = "\"" + pattern + "\""});
    }
  }
  for (size_t i = 0; i < taken.size(); ++i) {
    if (taken[i]) selection.files.push_back(repository.files[i]);
  }
  return selection;
}

}  // namespace

std::string QuantLabel(std::string_view file_name) {
  if (!Lower(file_name).ends_with(".gguf")) return {};
  const std::string stem(BaseName(GgufStem(std::string(file_name))));
  static const std::regex label(
      "(^|[-._])((UD-)?(I?Q[0-9]+(_[0-9A-Z]+)*|TQ[0-9]_[0-9]|MXFP4(_MOE)?|BF16|FP16|F16|FP32|F32))"
      "$",
      std::regex::icase);
  std::smatch match;
  return std::regex_search(stem, match, label) ? match[2].str() : std::string();
}

Selection SelectFiles(const Repository& repository, std::string_view quant,
                      const std::vector<std::string>& patterns) {
  if (!patterns.empty()) return SelectNamed(repository, patterns);
  if (!quant.empty()) return SelectGguf(repository, quant);
  std::vector<RepositoryFile> weights = WeightFiles(repository);
  if (weights.empty()) {
    if (!GgufModels(repository).empty()) return SelectGguf(repository, "");
    throw Error(ErrorCode::kUnsupported,
                {.message = repository.id + " has neither safetensors nor a GGUF",
                 .found = Listed(repository.files),
                 .hint = "--files NAME,… fetches files by name, whatever they are"});
  }
  Selection selection;
  selection.kind = Has(repository, "adapter_config.json") && !Has(repository, "config.json")
                       ? Selection::Kind::kAdapter
                       : Selection::Kind::kSafetensors;
  for (const RepositoryFile& file : repository.files) {
    if (BelongsToModel(file.name)) selection.files.push_back(file);
  }
  selection.files.insert(selection.files.end(), weights.begin(), weights.end());
  return selection;
}

}  // namespace hyprstream::registry
