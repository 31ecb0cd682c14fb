#include "registry/hub_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Repository Holding(const std::vector<std::string>& names) {
  Repository repository{.id = "org/name", .commit = std::string(40, 'a'), .files = {}};
  for (const std::string& name : names)
    repository.files.push_back({.name = name, .size = 1u << 20});
  return repository;
}

std::vector<std::string> Chosen(const std::vector<std::string>& names, std::string_view quant = "",
                                const std::vector<std::string>& patterns = {}) {
  std::vector<std::string> chosen;
  for (const auto& file : SelectFiles(Holding(names), quant, patterns).files) {
    chosen.push_back(file.name);
  }
  return chosen;
}

Error Refusal(const std::vector<std::string>& names, std::string_view quant = "",
              const std::vector<std::string>& patterns = {}) {
  try {
    SelectFiles(Holding(names), quant, patterns);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was refused";
  return Error(ErrorCode::kIo, {.message = ""});
}

TEST(QuantLabel, IsFoundAtTheEndOfAName) {
  const std::pair<const char*, const char*> cases[] = {{"Qwen3-0.6B-Q4_K_M.gguf", "Q4_K_M"},
                                                       {"qwen3-0.6b.q8_0.gguf", "q8_0"},
                                                       {"Qwen3-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"},
                                                       {"model-IQ2_XXS.gguf", "IQ2_XXS"},
                                                       {"model-BF16-00001-of-00002.gguf", "BF16"},
                                                       {"Q6_K/model-Q6_K.GGUF", "Q6_K"},
                                                       {"F16.gguf", "F16"},
                                                       {"qwen3-0.6b.gguf", ""},
                                                       {"model-Q4_K_M.safetensors", ""}};
  for (const auto& [name, label] : cases) EXPECT_EQ(QuantLabel(name), label) << name;
}

TEST(SelectFiles, TakesWhatMakesAModelAndNothingThatRuns) {
  EXPECT_THAT(Chosen({"config.json", "model.safetensors", "pytorch_model.bin", "modeling.py",
                      "tokenizer.json", "tokenizer_config.json", "README.md", "model.onnx",
                      "original/model.safetensors", "chat_template.jinja", "x-Q4_0.gguf"}),
              UnorderedElementsAre("config.json", "model.safetensors", "tokenizer.json",
                                   "tokenizer_config.json", "chat_template.jinja"));
}

TEST(SelectFiles, TakesOneSetOfWeights) {
  EXPECT_THAT(
      Chosen({"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
              "model.safetensors.index.json", "consolidated.safetensors"}),
      UnorderedElementsAre("config.json", "model-00001-of-00002.safetensors",
                           "model-00002-of-00002.safetensors", "model.safetensors.index.json"));
  EXPECT_THAT(Chosen({"model.safetensors", "model.fp16.safetensors"}),
              ElementsAre("model.safetensors"));
  EXPECT_THAT(Chosen({"weights.safetensors"}), ElementsAre("weights.safetensors"));
}

TEST(SelectFiles, KnowsAnAdapter) {
  const Selection selection = SelectFiles(
      Holding({"adapter_config.json", "adapter_model.safetensors", "README.md"}), "", {});
  EXPECT_EQ(selection.kind, Selection::Kind::kAdapter);
  EXPECT_EQ(selection.files.size(), 2u);
}

TEST(SelectFiles, ChoosesAGgufByItsLabelInAnyCase) {
  const std::vector<std::string> names = {"README.md",
                                          "m-Q4_K_M.gguf",
                                          "m-Q8_0.gguf",
                                          "m-BF16-00001-of-00002.gguf",
                                          "m-BF16-00002-of-00002.gguf",
                                          "mmproj-F16.gguf"};
  EXPECT_THAT(Chosen(names, "q4_k_m"), ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(Chosen(names, "m-q8_0.gguf"), ElementsAre("m-Q8_0.gguf"));
  EXPECT_THAT(Chosen(names, "BF16"),
              ElementsAre("m-BF16-00001-of-00002.gguf", "m-BF16-00002-of-00002.gguf"));
  EXPECT_THAT(Chosen({"only.gguf", "mmproj-F16.gguf"}), ElementsAre("only.gguf"));
}

TEST(SelectFiles, ListsGgufsWhenThereAreSeveralAndNoChoice) {
  const Error several = Refusal({"m-Q4_K_M.gguf", "m-Q8_0.gguf"});
  EXPECT_EQ(several.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(several.detail().found, HasSubstr("Q4_K_M (1.0 MiB), Q8_0"));
  EXPECT_THAT(several.detail().hint, HasSubstr("hf://org/name:Q4_K_M"));
  const Error none = Refusal({"m-Q4_K_M.gguf", "m-Q8_0.gguf"}, "Q5_0");
  EXPECT_EQ(none.code(), ErrorCode::kNotFound);
  EXPECT_THAT(none.detail().expected, HasSubstr("Q8_0"));
  const Error twice = Refusal({"a-Q4_0.gguf", "b-Q4_0.gguf"}, "Q4_0");
  EXPECT_THAT(twice.detail().hint, HasSubstr("hf://org/name:a-Q4_0"));
}

TEST(SelectFiles, TakesNamedFilesOnly) {
  EXPECT_THAT(Chosen({"a.json", "b.json", "pytorch_model.bin", "sub/c.json"}, "",
                     {"pytorch_model.bin", "?.json"}),
              UnorderedElementsAre("a.json", "b.json", "pytorch_model.bin"));
  EXPECT_EQ(Refusal({"a.json"}, "", {"b.json"}).code(), ErrorCode::kNotFound);
}

TEST(SelectFiles, RefusesOtherFormatsByName) {
  const Error other = Refusal({"config.json", "pytorch_model.bin"});
  EXPECT_EQ(other.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(other.detail().found, HasSubstr("pytorch_model.bin"));
  EXPECT_THAT(other.detail().hint, HasSubstr("--files"));
}

}  // namespace
}  // namespace hyprstream::registry
