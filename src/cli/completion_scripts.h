// Completion scripts of the three shells, from a list of verbs.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace hyprstream::cli {

struct VerbWords {
  struct Child {
    std::string name;
    std::string help;
  };
  std::string path;  // "model info"; empty for the program itself
  std::vector<Child> verbs;
  std::string options;  // "--seed --stop", separated by spaces
};

std::string BashCompletion(std::span<const VerbWords> verbs);
std::string ZshCompletion(std::span<const VerbWords> verbs);
std::string FishCompletion(std::span<const VerbWords> verbs);

}  // namespace hyprstream::cli
