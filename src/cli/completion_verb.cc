// `completion SHELL`: a script that completes verbs and flags, made from the command line's own
// description so that it cannot fall behind it.
#include <CLI/CLI.hpp>
#include <memory>

#include "base/error.h"
#include "cli/completion_scripts.h"
#include "cli/shell.h"

namespace hyprstream::cli {
namespace {

std::string OptionWords(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
    for (const std::string& name : option->get_snames()) words += " -" + name;
    for (const std::string& name : option->get_fnames()) {
      if (words.find(" --" + name) == std::string::npos) words += " --" + name;
    }
  }
  return words.empty() ? words : words.substr(1);
}

void Collect(const CLI::App& app, const std::string& path, std::vector<VerbWords>& out) {
  VerbWords words{.path = path, .verbs = {}, .options = OptionWords(app)};
  std::vector<const CLI::App*> children;
  for (const CLI::App* child : app.get_subcommands({})) {
    words.verbs.push_back({child->get_name(), child->get_description()});
    children.push_back(child);
  }
  out.push_back(std::move(words));
  for (const CLI::App* child : children) {
    Collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), out);
  }
}

int Complete(Shell& shell, const CLI::App& root, const std::string& kind) {
  std::vector<VerbWords> verbs;
  Collect(root, "", verbs);
  if (kind == "bash") {
    shell.out.Write(BashCompletion(verbs));
  } else if (kind == "zsh") {
    shell.out.Write(ZshCompletion(verbs));
  } else if (kind == "fish") {
    shell.out.Write(FishCompletion(verbs));
  } else {
    throw Error(
        ErrorCode::kUsage,
        {.message = "unknown shell", .expected = "bash, zsh or fish", .found = "\"" + kind + "\""});
  }
  return 0;
}

}  // namespace

void AddCompletionVerb(CLI::App& root, Shell& shell) {
  const auto kind = std::make_shared<std::string>();
  CLI::App& verb = AddVerb(root, shell, "completion", "Completion script for bash, zsh or fish",
                           "source <(hyprstream completion bash)",
                           [&shell, &root, kind] { return Complete(shell, root, *kind); });
  verb.add_option("SHELL", *kind, "bash, zsh or fish")->required();
}

}  // namespace hyprstream::cli
