// Fetching a model from whichever registry it is of, with a bar and notes on standard error: for
// the verb `pull`, and for verbs that are given a model which is not on this machine yet.
#pragma once

#include <string>
#include <vector>

#include "cli/model_reference.h"
#include "cli/shell.h"
#include "registry/pull.h"

namespace hyprstream::cli {

struct PullWishes {
  std::vector<std::string> files = {};  // of the Hugging Face Hub; empty: what makes the model
  bool force = false;                   // fetch again what is there
  bool insecure = false;                // an Ollama registry may be without encryption
};

/// Errors: kUsage for files of an Ollama model; those of PullHuggingFace and PullOllama.
registry::PullResult PullModel(Shell& shell, const registry::ModelReference& reference,
                               const PullWishes& wishes);

/// A model of a registry that is not here is fetched first. Errors: those of FindModel and
/// PullModel.
FoundModel FindOrPull(Shell& shell, const std::string& reference);

}  // namespace hyprstream::cli
