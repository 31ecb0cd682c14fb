#include "registry/reference.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

using Kind = ModelReference::Kind;

ModelReference Hub(std::string organisation, std::string name, std::string revision = "",
                   std::string quant = "") {
  return {.kind = Kind::kHuggingFace,
          .organisation = std::move(organisation),
          .name = std::move(name),
          .revision = std::move(revision),
          .quant = std::move(quant)};
}

ModelReference Ollama(std::string organisation, std::string name, std::string tag,
                      std::string host = "") {
  return {.kind = Kind::kOllama,
          .host = std::move(host),
          .organisation = std::move(organisation),
          .name = std::move(name),
          .revision = std::move(tag)};
}

ModelReference Path(std::string path) { return {.kind = Kind::kPath, .path = std::move(path)}; }

TEST(Reference, KnowsEveryForm) {
  const std::string commit(40, 'a');
  const std::pair<std::string, ModelReference> cases[] = {
      {"hf://Qwen/Qwen3-0.6B", Hub("Qwen", "Qwen3-0.6B")},
      {"hf://gpt2", Hub("", "gpt2")},
      {"Qwen/Qwen3-0.6B", Hub("Qwen", "Qwen3-0.6B")},
      {"hf://org/name@v1.0", Hub("org", "name", "v1.0")},
      {"hf://org/name@refs/pr/7", Hub("org", "name", "refs/pr/7")},
      {"hf://org/name@" + commit + ":Q4_K_M", Hub("org", "name", commit, "Q4_K_M")},
      {"org/name@dev:q8_0", Hub("org", "name", "dev", "q8_0")},
      {"hf.co/org/name:Q4_K_M", Hub("org", "name", "", "Q4_K_M")},
      {"hf.co/org/name:latest", Hub("org", "name")},
      {"hf.co/org/name:model-Q4_0.gguf", Hub("org", "name", "", "model-Q4_0.gguf")},
      {"huggingface.co/org/name", Hub("org", "name")},
      {"https://huggingface.co/org/name/", Hub("org", "name")},
      {"https://huggingface.co/org/name/tree/refs/pr/1?x=y", Hub("org", "name", "refs/pr/1")},
      {"ollama://qwen3", Ollama("library", "qwen3", "latest")},
      {"ollama://qwen3:0.6b", Ollama("library", "qwen3", "0.6b")},
      {"ollama://me/my.model:v2", Ollama("me", "my.model", "v2")},
      {"ollama://localhost:5000/me/x:1", Ollama("me", "x", "1", "localhost:5000")},
      {"file:models/x", Path("models/x")},
      {"file:../x", Path("../x")},
      {"file:///tmp/a b", Path("/tmp/a b")},
      {"/tmp/model.gguf", Path("/tmp/model.gguf")},
      {"./a/b", Path("./a/b")},
      {"../a", Path("../a")},
      {"~/models/a", Path("~/models/a")},
      {"willowbrook", Path("willowbrook")}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(ParseReference(text), expected) << text;
  }
}

TEST(Reference, RefusesWhatCouldLeadElsewhere) {
  const std::string long_name(97, 'a');
  const std::string cases[] = {"hf://../x",
                               "hf://x/..",
                               "hf://a..b/x",
                               "org/../x",
                               "hf://org//name",
                               "hf:///name",
                               "hf://org/",
                               "hf://",
                               "org/",
                               "org\\name",
                               "hf://org\\..\\name",
                               "hf://org/na\nme",
                               "hf://org/name\x7f",
                               std::string("hf://org/na\0me", 13),
                               "hf://org/n\xc3\xa9",
                               "hf://org/na me",
                               "hf://a/b/c",
                               "hf://-a/b",
                               "hf://a/b-",
                               "hf://a/.b",
                               "hf://a/b.",
                               "hf://a/b--c",
                               "hf://a/b.git",
                               "hf://a/" + long_name,
                               "hf://a/b@",
                               "hf://a/b@../c",
                               "hf://a/b@c//d",
                               "hf://a/b@/c",
                               "hf://a/b@.c",
                               "hf://a/b@-c",
                               "hf://a/b@c@d",
                               "hf://a/b:",
                               "hf://a/b:../x",
                               "hf://a/b:Q4:Q5",
                               "hf://a/b:Q4/..",
                               "ollama://",
                               "ollama://../x",
                               "ollama://x:",
                               "ollama://x:..",
                               "ollama://a.b/x",
                               "ollama://a//x",
                               "ollama://h/a/x/y",
                               "ollama://x:a/b",
                               "ollama://..:5/a/b",
                               "ollama://-x",
                               "ftp://host/x",
                               "https://example.com/x",
                               "file:",
                               ""};
  for (const std::string& text : cases) {
    try {
      ParseReference(text);
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << text;
    }
  }
}

rc::Gen<std::string> Word(const std::string& letters) {
  return rc::gen::mapcat(rc::gen::inRange(1, 30), [letters](int size) {
    return rc::gen::container<std::string>(size, rc::gen::elementOf(letters));
  });
}

/// Whatever is accepted can be part of a path and of an address, and means the same when it is
/// written down.
RC_GTEST_PROP(Reference, WhatIsAcceptedIsSafeAndRoundTrips, ()) {
  const std::string scheme = *rc::gen::elementOf(
      std::vector<std::string>{"", "hf://", "hf.co/", "ollama://", "file:", "https://hf.co/"});
  const std::string text = scheme + *Word("aB1-_./:@\\ \n~%..");
  ModelReference reference;
  try {
    reference = ParseReference(text);
  } catch (const Error&) {
    RC_DISCARD("refused");
  }
  RC_ASSERT(ParseReference(FormatReference(reference)) == reference);
  if (reference.kind == Kind::kPath) return;
  for (const std::string& part :
       {reference.organisation, reference.name, reference.revision, reference.quant}) {
    RC_ASSERT(part.find("..") == std::string::npos);
    RC_ASSERT(part.find('\\') == std::string::npos);
    RC_ASSERT(part.find('\n') == std::string::npos);
    RC_ASSERT(part.empty() || (part.front() != '/' && part.front() != '.'));
  }
  RC_ASSERT(reference.name.find('/') == std::string::npos);
  RC_ASSERT(!reference.name.empty());
}

}  // namespace
}  // namespace hyprstream::registry
