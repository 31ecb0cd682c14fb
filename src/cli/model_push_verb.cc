// `model push` and `push`: puts a converted model or an exported adapter on the Hugging Face Hub.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "base/error.h"
#include "base/memory_budget.h"
#include "cli/document.h"
#include "cli/hub.h"
#include "cli/model_reference.h"
#include "cli/shell.h"
#include "cli/transfer_bar.h"
#include "registry/push.h"
#include "registry/reference.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct PushFlags {
  std::string source;
  std::string target;
  std::string message = "Upload with hyprstream";
  bool is_private = false;
  std::string format = "table";
  bool as_json = false;
};

int Push(Shell& shell, const PushFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  const registry::ModelReference target = registry::ParseReference(flags.target);
  const bool good = target.kind == registry::ModelReference::Kind::kHuggingFace &&
                    !target.organisation.empty() && target.quant.empty();
  if (!good) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "this names no repository to push to",
                                              .expected = "org/name or hf://org/name[@branch]",
                                              .found = "\"" + Printable(flags.target) + "\""});
  }
  TransferBar bar(shell.terminal);
  const registry::PushResult result =
      registry::PushHuggingFace(ReadHubSettings(),
                                {.source = ResolveModel(flags.source),
                                 .repository = target.repository(),
                                 .revision = target.revision.empty() ? "main" : target.revision,
                                 .is_private = flags.is_private,
                                 .message = flags.message},
                                {.progress = bar.Listener()});
  bar.Clear();
  if (format == Format::kTable) {
    shell.out.Line(result.url + (result.created ? " (new)" : "") + " at " + result.commit);
    shell.out.Line(std::to_string(result.files.size()) + " files, " + FormatBytes({result.bytes}) +
                   " (" + FormatBytes({result.sent}) + " sent to the storage)");
    return 0;
  }
  json::object document{
      {"repository", target.repository()}, {"url", result.url},     {"commit", result.commit},
      {"created", result.created},         {"bytes", result.bytes}, {"sent", result.sent}};
  document["files"] = json::array(result.files.begin(), result.files.end());
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddModelPushVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<PushFlags>();
  const std::string spelled = model.get_parent() == nullptr ? "push" : "model push";
  CLI::App& verb =
      AddVerb(model, shell, "push", "Put a model or an exported adapter on the Hugging Face Hub",
              "hyprstream " + spelled + " village-peft me/village",
              [&shell, flags] { return Push(shell, *flags); });
  verb.add_option("SOURCE", flags->source, "A folder or a file, or the name of a model")
      ->required();
  verb.add_option("REPOSITORY", flags->target, "org/name[@branch]; made when it is not there")
      ->required();
  verb.add_option("--message", flags->message, "What the commit says");
  verb.add_flag("--private", flags->is_private, "A repository that is made is for its owner alone");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
