#include "cli/pull_model.h"

#include "base/error.h"
#include "cli/hub.h"
#include "cli/terminal.h"
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

namespace {

/// "org/name" may have been meant as a path: who reads the hub's answer has to know that there is
/// none.
[[noreturn]] void FailBoth(const Error& error, const std::string& reference) {
  ErrorDetail detail = error.detail();
  const std::string no_path =
      "\"" + Printable(reference) + "\" is no file or folder either: a path begins with ./ or /";
  detail.hint = detail.hint.empty() ? no_path : detail.hint + "; " + no_path;
  throw Error(error.code(), std::move(detail));
}

}  // namespace

FoundModel FindOrPull(Shell& shell, const std::string& reference) {
  registry::ModelReference wanted;
  try {
    return FindModel(reference);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    wanted = registry::ParseReference(reference);
    if (wanted.kind == Kind::kPath) throw;
  }
  try {
    PullModel(shell, wanted, {});
  } catch (const Error& error) {
    const bool may_be_path = reference.find("://") == std::string::npos;
    if (may_be_path && error.code() != ErrorCode::kCancelled) FailBoth(error, reference);
    throw;
  }
  return FindModel(reference);
}

}  // namespace hyprstream::cli
