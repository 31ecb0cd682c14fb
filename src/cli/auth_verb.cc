// `auth login|status|logout`: the token for the Hugging Face Hub, in a file that only its owner
// reads. It is never an argument, where other users of the machine could see it.
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/document.h"
#include "cli/hub.h"
#include "cli/line_reader.h"
#include "cli/shell.h"
#include "registry/hugging_face.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct AuthFlags {
  bool from_input = false;
  bool check = false;
  std::string format = "table";
  bool as_json = false;
};

/// What is typed does not appear.
class NoEcho {
 public:
  NoEcho() : works_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!works_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    if (works_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_ = {};
  bool works_;
};

std::string ReadToken(const Shell& shell, const AuthFlags& flags) {
  if (flags.from_input) return ReadAllInput();
  if (!shell.terminal.input) {
    throw Error(ErrorCode::kUsage, {.message = "there is no terminal to ask for the token on",
                                    .hint = "hyprstream auth login --stdin reads it from a pipe"});
  }
  std::fputs("Token of the Hugging Face Hub (it will not be shown): ", stderr);
  std::fflush(stderr);
  std::string token;
  {
    const NoEcho silent;
    for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
      token += static_cast<char>(c);
    }
  }
  std::fputs("\n", stderr);
  return token;
}

std::filesystem::path RequiredTokenFile() {
  const std::filesystem::path path = TokenFile();
  if (!path.empty()) return path;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "there is no place for a token",
               .expected = "HOME or XDG_CONFIG_HOME in the environment"});
}

int Login(Shell& shell, const AuthFlags& flags) {
  const std::filesystem::path path = RequiredTokenFile();
  const registry::Token token(ReadToken(shell, flags), "what was given");
  if (token.empty()) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "no token was given"});
  }
  std::string account;
  if (flags.check) {
    registry::HubSettings settings = ReadHubSettings();
    settings.token = token;
    account = registry::HuggingFace(settings).WhoAmI();
  }
  registry::WriteTokenFile(path, token);
  shell.out.Line("kept " + token.masked() + (account.empty() ? "" : " of " + Printable(account)) +
                 " in " + path.string());
  return 0;
}

int Status(Shell& shell, const AuthFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  const registry::HubSettings settings = ReadHubSettings();
  const bool known = !settings.token.empty();
  json::object document{{"logged_in", known}, {"endpoint", settings.endpoint}};
  if (known) {
    document["token"] = settings.token.masked();
    document["source"] = settings.token.source();
  }
  if (known && flags.check) document["account"] = registry::HuggingFace(settings).WhoAmI();
  if (format == Format::kTable && !known) {
    shell.out.Line("not logged in; models that are open to everybody need no token");
    return 0;
  }
  shell.out.Write(Render(document, format));
  return 0;
}

int Logout(Shell& shell) {
  const std::filesystem::path path = RequiredTokenFile();
  std::error_code failed;
  const bool removed = std::filesystem::remove(path, failed);
  if (failed) {
    throw Error(
        ErrorCode::kIo,
        {.message = "cannot remove the token", .found = failed.message(), .where = path.string()});
  }
  shell.out.Line(removed ? "removed the token in " + path.string() : "there was no token");
  const registry::Token left = ReadHubSettings().token;
  if (!left.empty()) shell.out.Line("still used: " + left.masked() + " from " + left.source());
  return 0;
}

}  // namespace

void AddAuthVerbs(CLI::App& root, Shell& shell) {
  CLI::App& auth = AddVerb(root, shell, "auth", "The token for the Hugging Face Hub",
                           "hyprstream auth login", {});
  auth.require_subcommand(0, 1);
  const auto flags = std::make_shared<AuthFlags>();
  CLI::App& login =
      AddVerb(auth, shell, "login", "Keep a token", "hyprstream auth login --stdin < token.txt",
              [&shell, flags] { return Login(shell, *flags); });
  login.add_flag("--stdin", flags->from_input, "Read it from standard input");
  login.add_flag("--check", flags->check, "Ask the hub whose it is before keeping it");
  CLI::App& status = AddVerb(auth, shell, "status", "Which token is used", "hyprstream auth status",
                             [&shell, flags] { return Status(shell, *flags); });
  status.add_flag("--check", flags->check, "Ask the hub whose it is");
  status.add_option("--format", flags->format, "table, json or yaml");
  status.add_flag("--json", flags->as_json, "Same as --format json");
  AddVerb(auth, shell, "logout", "Forget the token", "hyprstream auth logout",
          [&shell] { return Logout(shell); });
}

}  // namespace hyprstream::cli
