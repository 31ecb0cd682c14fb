// `model search`: finds repositories on the Hugging Face Hub.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/document.h"
#include "cli/hub.h"
#include "cli/shell.h"
#include "registry/hugging_face.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct SearchFlags {
  std::vector<std::string> words;
  std::string author;
  size_t limit = 20;
  std::string format = "table";
  bool as_json = false;
};

int Search(Shell& shell, const SearchFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  std::string words;
  for (const std::string& word : flags.words) words += (words.empty() ? "" : " ") + word;
  registry::HuggingFace hub(ReadHubSettings());
  json::array rows;
  for (const registry::RepositoryHit& hit : hub.Search(words, flags.author, flags.limit)) {
    rows.push_back({{"model", hit.id},
                    {"task", hit.task},
                    {"downloads", hit.downloads},
                    {"likes", hit.likes},
                    {"modified", hit.modified.substr(0, 10)},
                    {"gated", hit.gated}});
  }
  if (rows.empty() && format == Format::kTable) {
    shell.out.Line("nothing found");
    return 0;
  }
  shell.out.Write(Render(rows, format));
  return 0;
}

}  // namespace

void AddModelSearchVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<SearchFlags>();
  CLI::App& verb = AddVerb(model, shell, "search", "Find models on the Hugging Face Hub",
                           "hyprstream model search qwen3 --author Qwen",
                           [&shell, flags] { return Search(shell, *flags); });
  verb.add_option("WORDS", flags->words, "What its name has");
  verb.add_option("--author", flags->author, "Only of this user or organisation");
  verb.add_option("--limit", flags->limit, "At most so many")
      ->check(CLI::Range(size_t{1}, size_t{1000}));
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
