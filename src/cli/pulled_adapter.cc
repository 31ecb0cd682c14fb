#include "cli/pulled_adapter.h"

#include <boost/json.hpp>

#include "base/error.h"
#include "cli/lora_import.h"
#include "cli/model_reference.h"
#include "cli/terminal.h"
#include "formats/peft.h"
#include "formats/small_files.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

/// A path of the machine that made the adapter says nothing here.
bool IsReference(const std::string& base_model) {
  try {
    const registry::ModelReference reference = registry::ParseReference(base_model);
    return reference.kind != registry::ModelReference::Kind::kPath ||
           base_model.find('/') == std::string::npos;
  } catch (const Error&) {
    return false;
  }
}

void Import(const registry::PullResult& pulled, PulledAdapter& adapter) {
  const auto config =
      formats::ReadPeftConfig(formats::ReadTextFile(pulled.folder / formats::kPeftConfigName));
  if (IsReference(config.base_model_name_or_path)) {
    adapter.base_model = config.base_model_name_or_path;
  }
  const std::string import =
      "hyprstream lora import " + pulled.folder.string() + " --name " + adapter.name;
  if (adapter.base_model.empty()) {
    adapter.obstacle = "it names no base model that could be known here";
    adapter.hint = import + " --base-model BASE";
    return;
  }
  try {
    (void)ResolveModel(adapter.base_model);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    adapter.obstacle = "its base " + adapter.base_model + " is not on this machine";
    adapter.hint = "hyprstream pull " + adapter.base_model + " && " + import + " --base-model " +
                   adapter.base_model;
    return;
  }
  ImportAdapterFile(pulled.folder, adapter.name, adapter.base_model);
  adapter.imported = true;
}

}  // namespace

PulledAdapter BecomeAdapter(const registry::PullResult& pulled) {
  PulledAdapter adapter{.name = pulled.key.name, .base_model = {}, .obstacle = {}, .hint = {}};
  try {
    Import(pulled, adapter);
  } catch (const Error& error) {
    adapter.obstacle = error.detail().message;
    adapter.hint = error.code() == ErrorCode::kAlreadyExists
                       ? "hyprstream lora import " + pulled.folder.string() +
                             " --name OTHER --base-model " + adapter.base_model
                       : error.detail().hint;
  }
  return adapter;
}

std::vector<std::string> Told(const PulledAdapter& adapter) {
  if (adapter.imported) {
    return {
        "It is an adapter of " + Printable(adapter.base_model) + ", known here as " + adapter.name,
        "Try: hyprstream lora infer " + adapter.name + " --prompt \"Hello\""};
  }
  std::vector<std::string> lines = {"It is an adapter, but not one of this machine's yet: " +
                                    Printable(adapter.obstacle)};
  if (!adapter.hint.empty()) lines.push_back("Do: " + Printable(adapter.hint));
  return lines;
}

json::object AdapterDocument(const PulledAdapter& adapter) {
  json::object document{
      {"name", adapter.name}, {"base_model", adapter.base_model}, {"imported", adapter.imported}};
  if (!adapter.imported) document["obstacle"] = adapter.obstacle;
  return document;
}

}  // namespace hyprstream::cli
