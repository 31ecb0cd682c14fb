// What names a model: a repository of the Hugging Face Hub, a model of an Ollama registry, or a
// path.
//
//   hf://org/name[@revision][:QUANT]     org/name[…]     hf.co/org/name[…]
//   ollama://[[host/]namespace/]name[:tag]
//   file:PATH   /…   ./…   ../…   ~…
//
// Names follow the registries' own rules (huggingface_hub/utils/_validators.py, ollama
// types/model/name.go), so that a name can be part of a URL and of a path: what has "..", empty
// parts, control characters or a backslash is refused. Values; no file or socket is touched.
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::registry {

struct ModelReference {
  enum class Kind {
    kHuggingFace,
    kOllama,
    kPath,  // a file or folder, or a word that only a search of folders can explain
  };

  Kind kind = Kind::kPath;
  std::string host = {};          // Ollama: "registry:port" when one was given
  std::string organisation = {};  // empty for a repository without one; Ollama: "library"
  std::string name = {};
  std::string revision = {};  // branch, tag, refs/pr/N or commit; Ollama: the tag; empty: default
  std::string quant = {};     // which GGUF of a repository: a label ("Q4_K_M") or a file name
  std::string path = {};      // kPath

  /// "org/name", as the registry spells it.
  std::string repository() const;
  bool operator==(const ModelReference&) const = default;
};

/// Errors: kInvalidArgument saying which part breaks which rule. A path is only refused when it is
/// empty or holds a zero byte.
ModelReference ParseReference(std::string_view text);

/// The canonical spelling; parsing it gives the same reference.
std::string FormatReference(const ModelReference& reference);

/// Errors: kInvalidArgument for what cannot be a branch, a tag, refs/pr/N or a commit.
void CheckRevision(std::string_view revision);

/// 40 lower-case hexadecimal digits.
bool IsCommit(std::string_view text);

}  // namespace hyprstream::registry
