// `lora checkpoint create|list|load|delete`: tags on versions, and going back to one.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "base/error.h"
#include "cli/document.h"
#include "cli/lora_verbs.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct CheckpointFlags {
  std::string name;
  std::string tag;
  std::string version;
  std::string format = "table";
};

int CreateTag(Shell& shell, const CheckpointFlags& flags) {
  adapters::AdapterStore store = OpenStore();
  const auto version = store.Find(flags.name, flags.version);
  if (!version) {
    throw Error(
        ErrorCode::kFailedPrecondition,
        {.message = "version 0 is the base and needs no tag", .hint = "train the adapter first"});
  }
  store.Tag(flags.name, flags.tag, version->version);
  shell.out.Line(flags.name + "@" + std::to_string(version->version) + " is tagged " + flags.tag);
  return 0;
}

int ListVersions(Shell& shell, const CheckpointFlags& flags) {
  const Format format = ParseFormat(flags.format);
  adapters::AdapterStore store = OpenStore();
  const int64_t current = store.Get(flags.name).current;
  json::array rows;
  for (const adapters::VersionRecord& version : store.Versions(flags.name)) {
    json::object row = VersionDocument(version);
    row["current"] = version.version == current;
    rows.push_back(std::move(row));
  }
  if (rows.empty() && format == Format::kTable) {
    shell.out.Line(flags.name + " has no versions yet: it equals its base");
    return 0;
  }
  shell.out.Write(Render(rows, format));
  return 0;
}

int LoadTag(Shell& shell, const CheckpointFlags& flags) {
  adapters::AdapterStore store = OpenStore();
  const auto version = store.Find(flags.name, flags.tag);
  store.Promote(flags.name, version ? version->version : 0);
  shell.out.Line(flags.name + " is at version " + std::to_string(version ? version->version : 0) +
                 " now");
  return 0;
}

int DeleteTag(Shell& shell, const CheckpointFlags& flags) {
  adapters::AdapterStore store = OpenStore();
  store.DeleteTag(flags.name, flags.tag);
  shell.out.Line("the tag " + flags.tag + " is gone; its version stays");
  return 0;
}

}  // namespace

void AddLoraCheckpointVerbs(CLI::App& lora, Shell& shell) {
  CLI::App& group = AddVerb(lora, shell, "checkpoint", "Tag versions and go back to them",
                            "hyprstream lora checkpoint list village", {});
  group.require_subcommand(0, 1);
  const auto add = [&](const std::string& name, const std::string& help, const std::string& example,
                       int (*act)(Shell&, const CheckpointFlags&)) -> CLI::App& {
    const auto flags = std::make_shared<CheckpointFlags>();
    CLI::App& verb = AddVerb(group, shell, name, help, "hyprstream lora checkpoint " + example,
                             [&shell, flags, act] { return act(shell, *flags); });
    verb.add_option("NAME", flags->name, "The adapter")->required();
    if (name == "list") {
      verb.add_option("--format", flags->format, "table, json or yaml");
    } else {
      verb.add_option("--tag", flags->tag, name == "load" ? "Tag or version number" : "The tag")
          ->required();
    }
    if (name == "create") {
      verb.add_option("--version", flags->version, "Which version (default: the current one)");
    }
    return verb;
  };
  add("create", "Tag a version", "create village --tag good", CreateTag);
  add("list", "All versions and their tags", "list village", ListVersions);
  add("load", "Make a version the current one", "load village --tag good", LoadTag);
  add("delete", "Remove a tag", "delete village --tag good", DeleteTag);
}

}  // namespace hyprstream::cli
