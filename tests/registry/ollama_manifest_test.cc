#include "registry/ollama_manifest.h"

#include "registry/find_local.h"
#include "registry/ollama_settings.h"
#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::CodeOf;

TEST(OllamaKey, SpelledItMeansTheSameModel) {
  for (const char* text :
       {"ollama://qwen3:0.6b", "ollama://qwen3", "ollama://me/model:v1",
        "ollama://Library/QWEN3:0.6B", "ollama://host.example/me/model:v1",
        "ollama://127.0.0.1:5000/library/x:y", "ollama://registry.ollama.ai/library/qwen3:0.6b"}) {
    const ModelKey key = OllamaKeyOf(ParseReference(text));
    CheckModelKey(key);
    EXPECT_TRUE(IsOllama(key)) << text;
    EXPECT_EQ(OllamaKeyOf(ParseReference(Spelled(key))), key) << text << " " << Spelled(key);
  }
}

TEST(OllamaKey, HostsAndTagsAreApart) {
  const auto key = [](const char* text) { return OllamaKeyOf(ParseReference(text)); };
  EXPECT_EQ(key("ollama://qwen3").revision, "latest");
  EXPECT_EQ(key("ollama://registry.ollama.ai/library/qwen3"), key("ollama://qwen3"));
  EXPECT_NE(key("ollama://a.example/library/qwen3"), key("ollama://qwen3"));
  EXPECT_EQ(ShortName(key("ollama://qwen3:latest")), "qwen3");
  EXPECT_EQ(ShortName(key("ollama://me/qwen3:1b")), "qwen3:1b");
}

std::string Layer(const std::string& kind, char digit, const std::string& size = "5") {
  return R"({"mediaType": "application/vnd.ollama.image.)" + kind + R"(", "digest": "sha256:)" +
         std::string(64, digit) + R"(", "size": )" + size + "}";
}

OllamaManifest Parse(const std::string& layers) {
  return ParseOllamaManifest(R"({"layers": [)" + layers + "]}", "here");
}

TEST(OllamaManifest, LayersGetTheirFiles) {
  const OllamaManifest manifest =
      Parse(Layer("model", 'a') + "," + Layer("adapter", 'b') + "," + Layer("adapter", 'c') + "," +
            Layer("params", 'd') + "," + Layer("tensor", 'e') + "," + Layer("model", 'F'));
  std::vector<std::string> files;
  for (const OllamaLayer& layer : manifest.layers) files.push_back(layer.file);
  EXPECT_EQ(files, (std::vector<std::string>{"model.gguf", "adapter.gguf", "adapter-2.gguf",
                                             "params.json", "", "model-2.gguf"}));
  EXPECT_EQ(manifest.Find("model")->sha256, std::string(64, 'a'));
  EXPECT_EQ(manifest.layers.back().sha256, std::string(64, 'f')) << "digits in lower case";
  EXPECT_EQ(manifest.Find("system"), nullptr);
}

TEST(OllamaManifest, WhatIsNoneIsRefused) {
  EXPECT_EQ(CodeOf([] { Parse(Layer("template", 'a')); }), ErrorCode::kUnsupported);
  EXPECT_EQ(CodeOf([] { Parse(Layer("model", 'g')); }), ErrorCode::kDataLoss);
  EXPECT_EQ(CodeOf([] { Parse(Layer("model", 'a', "-1")); }), ErrorCode::kDataLoss);
  EXPECT_EQ(CodeOf([] { Parse(Layer("model", 'a') + "," + Layer("system", 'a', "6")); }),
            ErrorCode::kDataLoss)
      << "one blob, two sizes";
}

OllamaSettings Settings(std::map<std::string, std::string> variables) {
  return OllamaSettings::Read([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(OllamaSettings, AnAddressWithoutASchemeIsAServersNotARegistrys) {
  EXPECT_EQ(Settings({{"HOME", "/h"}}).models, "/h/.ollama/models");
  EXPECT_EQ(Settings({{"HOME", "/h"}, {"OLLAMA_MODELS", "~/m"}}).models, "/h/m");
  EXPECT_EQ(Settings({{"OLLAMA_HOST", "0.0.0.0:11434"}}).endpoint, "https://registry.ollama.ai");
  const OllamaSettings own = Settings({{"OLLAMA_HOST", "http://127.0.0.1:5000/"}});
  EXPECT_EQ(own.endpoint, "http://127.0.0.1:5000");
  EXPECT_TRUE(own.insecure);
  EXPECT_FALSE(Settings({{"OLLAMA_HOST", "https://r.example"}}).insecure);
  EXPECT_EQ(CodeOf([] { Settings({{"OLLAMA_HOST", "http://"}}); }), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace hyprstream::registry
