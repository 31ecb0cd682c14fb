#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/log.h"
#include "cli/build_info.h"
#include "cli/document.h"
#include "cli/error_text.h"
#include "cli/shell.h"

namespace hyprstream::cli {
namespace {

/// Found before anything is parsed: an error in the arguments is reported in the form asked for.
bool WantsJson(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--json" || argument == "--format=json") return true;
    if (argument == "--format" && i + 1 < argc && std::string_view(argv[i + 1]) == "json") {
      return true;
    }
  }
  return false;
}

int Report(const Error& error, bool as_json, Shell& shell) {
  if (as_json) {
    shell.out.Write(Render(ErrorDocument(error), Format::kJson));
    shell.out.Flush();
  } else {
    shell.out.Flush();
    const std::string text = ErrorText(error, shell.terminal.errors_color);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return ExitStatus(error);
}

std::string VerbPath(const CLI::App& root) {
  std::string path = "hyprstream";
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += " " + app->get_name();
  }
  return path;
}

Error UsageError(const CLI::App& root, const CLI::ParseError& failed) {
  return Error(ErrorCode::kUsage,
               {.message = failed.what(), .hint = "see " + VerbPath(root) + " --help"});
}

/// The innermost verb that was named.
const CLI::App& Chosen(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

void AddAllVerbs(CLI::App& root, Shell& shell) {
  AddRunVerbs(root, shell);
  AddChatVerb(root, shell);
  AddModelVerbs(root, shell);
  AddLoraVerbs(root, shell);
  AddAuthVerbs(root, shell);
  AddServeVerb(root, shell);
  AddBenchVerbs(root, shell);
  AddDebugVerbs(root, shell);
  AddSettingsVerb(root, shell);
  AddVersionVerb(root, shell);
  AddCompletionVerb(root, shell);
}

void SetUp(CLI::App& root, Shell& shell) {
  root.name("hyprstream");
  root.require_subcommand(0, 1);
  root.set_version_flag("--version", std::string("hyprstream ") + kVersion);
  root.add_option("--config", shell.config_file,
                  "Settings file (default: " + DefaultConfigFile().string() + ")")
      ->type_name("FILE");
  root.footer("Example: hyprstream run willowbrook \"Who is Rosa's best friend?\"");
  root.fallthrough();
  AddAllVerbs(root, shell);
}

int ParseAndAct(CLI::App& root, int argc, const char* const* argv, Shell& shell) {
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    shell.out.Write(root.help());  // of the innermost verb named, with its whole path
    return 0;
  } catch (const CLI::CallForVersion& version) {
    shell.out.Line(version.what());
    return 0;
  } catch (const CLI::ParseError& failed) {
    throw UsageError(root, failed);
  }
  if (!shell.action) {
    const CLI::App& app = Chosen(root);
    throw Error(ErrorCode::kUsage,
                {.message = app.get_parent() == nullptr ? "a verb is missing"
                                                        : "\"" + VerbPath(root) + "\" needs a verb",
                 .hint = "see " + VerbPath(root) + " --help"});
  }
  shell.settings = Settings::Load(shell.config_file);
  shell.profile.Lap("arguments and settings");
  return shell.action();
}

}  // namespace

CLI::App& AddVerb(CLI::App& parent, Shell& shell, const std::string& name, const std::string& help,
                  const std::string& example, std::function<int()> action) {
  CLI::App& verb = *parent.add_subcommand(name, help);
  verb.footer("Example: " + example);
  if (action) {
    verb.callback([&shell, action = std::move(action)] { shell.action = action; });
  }
  return verb;
}

int RunProgram(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (std::setlocale(LC_CTYPE, "") == nullptr ||
      std::strcmp(std::setlocale(LC_CTYPE, nullptr), "C") == 0) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  Output out(1);
  Shell shell{.out = out,
              .terminal = Terminal::Detect(),
              .profile = {},
              .config_file = {},
              .settings = {},
              .action = {}};
  const bool as_json = WantsJson(argc, argv);
  try {
    try {
      CLI::App root("An LLM server that learns while it serves");
      SetUp(root, shell);
      const int status = ParseAndAct(root, argc, argv, shell);
      out.Flush();
      return status;
    } catch (const Error& error) {
      return Report(error, as_json, shell);
    } catch (const std::bad_alloc&) {
      return Report(Error(ErrorCode::kResourceExhausted, {.message = "out of memory"}), as_json,
                    shell);
    }
  } catch (const BrokenPipe&) {
    return 0;
  }
}

}  // namespace hyprstream::cli
