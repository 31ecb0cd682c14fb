#include "cli/pull_model.h"

#include "base/error.h"
#include "cli/hub.h"
#include "cli/transfer_bar.h"
#include "registry/ollama_pull.h"

namespace hyprstream::cli {

using Kind = registry::ModelReference::Kind;

registry::PullResult PullModel(Shell& shell, const registry::ModelReference& reference,
                               const PullWishes& wishes) {
  const bool ollama = reference.kind == Kind::kOllama;
  if (ollama && !wishes.files.empty()) {
    throw Error(
        ErrorCode::kUsage,
        {.message = "--files is for the Hugging Face Hub: an Ollama model is fetched whole"});
  }
  registry::Store store = registry::Store::Open(ModelStorePaths(shell.settings));
  TransferBar bar(shell.terminal);
  registry::PullOptions options;
  options.progress = bar.Listener();
  options.note = [&](const std::string& text) { bar.Note(text); };
  return ollama ? registry::PullOllama(
                      ReadOllamaSettings(), store,
                      {.model = reference, .force = wishes.force, .insecure = wishes.insecure},
                      options)
                : registry::PullHuggingFace(
                      ReadHubSettings(), store,
                      {.model = reference, .files = wishes.files, .force = wishes.force}, options);
}

FoundModel FindOrPull(Shell& shell, const std::string& reference) {
  registry::ModelReference wanted;
  try {
    return FindModel(reference);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    wanted = registry::ParseReference(reference);
    if (wanted.kind == Kind::kPath) throw;
  }
  PullModel(shell, wanted, {});
  return FindModel(reference);
}

}  // namespace hyprstream::cli
