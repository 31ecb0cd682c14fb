#include "cli/completion_scripts.h"

#include <algorithm>

namespace hyprstream::cli {
namespace {

std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string VerbNames(const VerbWords& words) {
  std::string names;
  for (const auto& child : words.verbs) names += (names.empty() ? "" : " ") + child.name;
  return names;
}

/// The shell function that both bash and zsh (through bashcompinit) use.
std::string SharedFunction(std::span<const VerbWords> verbs) {
  std::string out =
      "_hyprstream() {\n"
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" path='' words='' i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"${COMP_WORDS[i]}\" in\n"
      "      -*) ;;\n"
      "      *) case \"$path ${COMP_WORDS[i]}\" in\n";
  std::string known;
  for (const VerbWords& words : verbs) {
    if (!words.path.empty()) known += (known.empty() ? "" : "|") + Quoted(" " + words.path);
  }
  out += "           " + known + ") path=\"$path ${COMP_WORDS[i]}\" ;;\n         esac ;;\n";
  out += "    esac\n  done\n  case \"$path\" in\n";
  for (const VerbWords& words : verbs) {
    const std::string path = words.path.empty() ? "" : " " + words.path;
    out += "    " + Quoted(path) + ") words=" + Quoted(VerbNames(words)) +
           "; [[ $word == -* ]] && " + "words=" + Quoted(words.options) + " ;;\n";
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "}\n";
  return out;
}

}  // namespace

std::string BashCompletion(std::span<const VerbWords> verbs) {
  return "# hyprstream completion for bash\n" + SharedFunction(verbs) +
         "complete -o default -F _hyprstream hyprstream\n";
}

std::string ZshCompletion(std::span<const VerbWords> verbs) {
  return "#compdef hyprstream\n# hyprstream completion for zsh\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         SharedFunction(verbs) + "complete -o default -F _hyprstream hyprstream\n";
}

std::string FishCompletion(std::span<const VerbWords> verbs) {
  std::string out = "# hyprstream completion for fish\n";
  for (const VerbWords& words : verbs) {
    std::string condition;
    size_t begin = 0;
    while (begin < words.path.size()) {
      const size_t end = std::min(words.path.find(' ', begin), words.path.size());
      condition += (condition.empty() ? "" : "; and ") +
                   std::string("__fish_seen_subcommand_from ") +
                   words.path.substr(begin, end - begin);
      begin = end + 1;
    }
    if (condition.empty()) condition = "__fish_use_subcommand";
    for (const auto& child : words.verbs) {
      const std::string still =
          words.path.empty()
              ? condition
              : condition + "; and not __fish_seen_subcommand_from " + VerbNames(words);
      out += "complete -c hyprstream -f -n " + Quoted(still) + " -a " + Quoted(child.name) +
             " -d " + Quoted(child.help) + "\n";
    }
    begin = 0;
    while (begin < words.options.size()) {
      const size_t end = std::min(words.options.find(' ', begin), words.options.size());
      const std::string option = words.options.substr(begin, end - begin);
      const bool longer = option.starts_with("--");
      out += "complete -c hyprstream -n " + Quoted(condition) + (longer ? " -l " : " -s ") +
             option.substr(longer ? 2 : 1) + "\n";
      begin = end + 1;
    }
  }
  return out;
}

}  // namespace hyprstream::cli
