// `version`: what this program was made of and what it runs on.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <histedit.h>
#include <openssl/crypto.h>
#include <pcre2.h>
#include <spdlog/version.h>
#include <toml++/toml.h>
#include <utf8proc.h>
#include <zlib.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <boost/version.hpp>
#include <memory>

#include "base/thread_pool.h"
#include "cli/build_info.h"
#include "cli/document.h"
#include "cli/machine.h"
#include "cli/shell.h"
#include "kernels/cpu/isa.h"
#include "vdb/backend.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct VersionFlags {
  std::string format = "table";
  bool as_json = false;
};

std::string Dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::string OrNone(std::string version) { return version.empty() ? "not built in" : version; }

json::object Libraries() {
  char pcre[64] = {};
  pcre2_config(PCRE2_CONFIG_VERSION, pcre);
  return {
      {"Boost", Dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"PCRE2", std::string(pcre).substr(0, std::string(pcre).find(' '))},
      {"utf8proc", utf8proc_version()},
      {"zlib", zlibVersion()},
      {"libedit", std::to_string(LIBEDIT_MAJOR) + "." + std::to_string(LIBEDIT_MINOR)},
      {"spdlog", Dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"CLI11", CLI11_VERSION},
      {"toml++", Dotted(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH)},
      {"OpenVDB", OrNone(vdb::OpenVdbVersion())},
      {"NanoVDB", OrNone(vdb::NanoVdbVersion())}};
}

int Show(Shell& shell, const VersionFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  json::array found;
  for (const kernels::Isa isa : kernels::SupportedIsas()) found.emplace_back(kernels::IsaName(isa));
  json::object document{{"version", kVersion}};
  if (*kGitDescribe != '\0') document["commit"] = kGitDescribe;
  document["compiler"] = kCompiler;
  document["build"] = kBuildType;
  document["machine"] = {{"processor", ProcessorName()},
                         {"processors", AvailableProcessors()},
                         {"instruction_sets", std::move(found)},
                         {"used", kernels::IsaName(kernels::ChooseIsa())},
                         {"devices", json::array{"cpu"}}};
  document["libraries"] = Libraries();
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddVersionVerb(CLI::App& root, Shell& shell) {
  const auto flags = std::make_shared<VersionFlags>();
  CLI::App& verb =
      AddVerb(root, shell, "version", "The program, its libraries and the machine",
              "hyprstream version --json", [&shell, flags] { return Show(shell, *flags); });
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
