#include "cli/model_store.h"

#include <boost/json.hpp>
#include <iostream>
#include <string>

#include "base/error.h"
#include "cli/hub.h"
#include "registry/find_local.h"

namespace hyprstream::cli {

namespace json = boost::json;

std::optional<registry::Store> StoredModels(const Settings& settings) {
  registry::StorePaths paths;
  try {
    paths = ModelStorePaths(settings);
  } catch (const Error& error) {
    // No home folder: then nothing was ever stored.
    if (error.code() != ErrorCode::kFailedPrecondition) throw;
    return std::nullopt;
  }
  return registry::Store::OpenExisting(paths);
}

json::object StoredDocument(const registry::ModelRecord& model) {
  json::array files;
  for (const registry::FileRecord& file : model.files) {
    files.push_back({{"path", file.path}, {"bytes", file.size}, {"sha256", file.sha256}});
  }
  return {{"reference", registry::ReferenceOf(model)},
          {"registry", model.key.registry},
          {"revision", model.key.revision},
          {"refs", json::array(model.refs.begin(), model.refs.end())},
          {"source", model.source_url},
          {"created", model.created},
          {"bytes", model.size()},
          {"files", std::move(files)}};
}

bool Confirm(Shell& shell, const std::string& question, Consent consent) {
  if (consent == Consent::kGiven) return true;
  if (!shell.terminal.input) {
    throw Error(ErrorCode::kUsage,
                {.message = "this needs a confirmation", .found = question, .hint = "add --yes"});
  }
  shell.out.Write(question + " [y/N] ");
  shell.out.Flush();
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

}  // namespace hyprstream::cli
