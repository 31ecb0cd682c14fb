#include "registry/reference.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

using Kind = ModelReference::Kind;

constexpr size_t kMaxReference = 1024;

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsWord(char c) { return IsLetterOrDigit(c) || c == '_' || c == '-' || c == '.'; }

[[noreturn]] void Refuse(std::string_view what, std::string_view found, std::string expected) {
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "this is not a model reference: " + std::string(what),
               .expected = std::move(expected),
               .found = "\"" + std::string(found) + "\"",
               .hint = "for example hf://Qwen/Qwen3-0.6B, hf.co/org/name:Q4_K_M or "
                       "ollama://qwen3:0.6b"});
}

/// Rules that hold for every part of every name.
void RefuseUnsafe(std::string_view text) {
  if (text.size() > kMaxReference) {
    Refuse("it is too long", text.substr(0, 60), "at most 1,024 characters");
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || c == '\\') {
      Refuse("it has a blank, a control character, a backslash or a letter beyond ASCII", text,
             "letters, digits and - _ . / : @");
    }
  }
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// The Hub's rules for "org" and "name".
void CheckHubName(std::string_view part, std::string_view what) {
  const std::string expected =
      std::string(what) + " of 1 to 96 letters, digits, - _ ., without \"--\" or \"..\", not " +
      "beginning or ending with - or ., not ending with .git";
  const auto edge = [](char c) { return c == '-' || c == '.'; };
  if (part.empty() || part.size() > 96 || !std::all_of(part.begin(), part.end(), IsWord) ||
      edge(part.front()) || edge(part.back()) || part.find("--") != std::string_view::npos ||
      part.find("..") != std::string_view::npos || part.ends_with(".git")) {
    Refuse("bad name", part, expected);
  }
}

void CheckQuant(std::string_view quant) {
  if (quant.empty() || quant.size() > 200 || !std::all_of(quant.begin(), quant.end(), IsWord) ||
      !IsLetterOrDigit(quant.front()) || quant.find("..") != std::string_view::npos) {
    Refuse("bad label of a GGUF", quant, "a label such as Q4_K_M after the colon");
  }
}

/// Ollama's rules for host, namespace, model and tag.
void CheckOllamaPart(std::string_view part, std::string_view what, size_t limit) {
  const bool host = what == "host";
  const auto allowed = [&](char c) {
    if (c == '.') return what != "namespace";
    return IsLetterOrDigit(c) || c == '_' || c == '-' || (host && c == ':');
  };
  if (part.empty() || part.size() > limit || !(IsLetterOrDigit(part.front()) || part[0] == '_') ||
      !std::all_of(part.begin(), part.end(), allowed) ||
      part.find("..") != std::string_view::npos) {
    Refuse("bad " + std::string(what), part,
           "a " + std::string(what) + " of at most " + std::to_string(limit) +
               " letters, digits, - _" + (what == "namespace" ? "" : " .") +
               ", beginning with a letter, a digit or _");
  }
}

/// `rest`: what follows hf://, hf.co/ or nothing at all.
ModelReference ParseHub(std::string_view rest) {
  RefuseUnsafe(rest);
  ModelReference reference{.kind = Kind::kHuggingFace};
  // A revision may hold a slash, so it is cut off before the names are told apart.
  if (const size_t colon = rest.find(':'); colon != std::string_view::npos) {
    reference.quant = rest.substr(colon + 1);
    CheckQuant(reference.quant);
    // Ollama's word for "whichever", which its users write after every name.
    if (reference.quant == "latest") reference.quant.clear();
    rest = rest.substr(0, colon);
  }
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.revision = rest.substr(at + 1);
    CheckRevision(reference.revision);
    rest = rest.substr(0, at);
  }
  const auto parts = Split(rest, '/');
  if (parts.size() > 2) Refuse("too many parts", rest, "org/name");
  if (parts.size() == 2) {
    CheckHubName(parts[0], "an organisation");
    reference.organisation = parts[0];
  }
  CheckHubName(parts.back(), "a name");
  reference.name = parts.back();
  return reference;
}

/// https://huggingface.co/org/name[/tree/revision], as copied from a browser.
ModelReference ParseHubPage(std::string_view rest) {
  RefuseUnsafe(rest);
  rest = rest.substr(0, rest.find_first_of("?#"));
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t tree = rest.find("/tree/");
  if (tree == std::string_view::npos) return ParseHub(rest);
  return ParseHub(std::string(rest.substr(0, tree)) + "@" + std::string(rest.substr(tree + 6)));
}

ModelReference ParseOllama(std::string_view rest) {
  RefuseUnsafe(rest);
  ModelReference reference{.kind = Kind::kOllama, .organisation = "library", .revision = "latest"};
  auto parts = Split(rest, '/');
  if (parts.size() > 3) Refuse("too many parts", rest, "[host/][namespace/]name[:tag]");
  std::string_view& last = parts.back();
  if (const size_t colon = last.find(':'); colon != std::string_view::npos) {
    reference.revision = last.substr(colon + 1);
    CheckOllamaPart(reference.revision, "tag", 80);
    last = last.substr(0, colon);
  }
  CheckOllamaPart(last, "model", 80);
  reference.name = last;
  if (parts.size() >= 2) {
    reference.organisation = parts[parts.size() - 2];
    CheckOllamaPart(reference.organisation, "namespace", 80);
  }
  if (parts.size() == 3) {
    reference.host = parts[0];
    CheckOllamaPart(reference.host, "host", 350);
  }
  return reference;
}

ModelReference ParsePath(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    Refuse("the path is empty or has a zero byte", path, "a path");
  }
  return {.kind = Kind::kPath, .path = std::string(path)};
}

std::optional<std::string_view> After(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

}  // namespace

std::string ModelReference::repository() const {
  return organisation.empty() ? name : organisation + "/" + name;
}

bool IsCommit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void CheckRevision(std::string_view revision) {
  const auto allowed = [](char c) { return IsWord(c) || c == '/' || c == '+'; };
  bool good = !revision.empty() && revision.size() <= 200 &&
              std::all_of(revision.begin(), revision.end(), allowed) &&
              revision.find("..") == std::string_view::npos;
  for (const std::string_view part : Split(revision, '/')) {
    good = good && !part.empty() && part.front() != '.' && part.front() != '-';
  }
  if (!good) Refuse("bad revision", revision, "a branch, a tag, refs/pr/N or a commit after the @");
}

ModelReference ParseReference(std::string_view text) {
  if (const auto path = After(text, "file://")) return ParsePath(*path);
  if (const auto path = After(text, "file:")) return ParsePath(*path);
  if (const auto rest = After(text, "hf://")) return ParseHub(*rest);
  if (const auto rest = After(text, "hf.co/")) return ParseHub(*rest);
  if (const auto rest = After(text, "huggingface.co/")) return ParseHub(*rest);
  for (const std::string_view site : {"https://huggingface.co/", "https://hf.co/"}) {
    if (const auto rest = After(text, site)) return ParseHubPage(*rest);
  }
  if (const auto rest = After(text, "ollama://")) return ParseOllama(*rest);
  if (text.find("://") != std::string_view::npos) {
    Refuse("unknown scheme", text.substr(0, 80), "hf://, ollama:// or file:");
  }
  const bool path = text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
                    text.starts_with('~') || text == "." || text == "..";
  if (path) return ParsePath(text);
  if (text.find_first_of("/\\") == std::string_view::npos) {
    RefuseUnsafe(text);
    return ParsePath(text);
  }
  return ParseHub(text);
}

std::string FormatReference(const ModelReference& reference) {
  switch (reference.kind) {
    case Kind::kPath:
      return "file://" + reference.path;
    case Kind::kOllama:
      return "ollama://" + (reference.host.empty() ? "" : reference.host + "/") +
             reference.repository() + ":" + reference.revision;
    case Kind::kHuggingFace:
      break;
  }
  return "hf://" + reference.repository() +
         (reference.revision.empty() ? "" : "@" + reference.revision) +
         (reference.quant.empty() ? "" : ":" + reference.quant);
}

}  // namespace hyprstream::registry
