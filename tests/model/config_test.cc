#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>

#include "model/config.h"
#include "model/rope_frequencies.h"
#include "support/data.h"

namespace hyprstream::model {
namespace {

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

ModelConfig Parse(const std::string& text) { return ParseConfigJson(text, "", "config.json"); }

std::string Message(const std::string& text) {
  try {
    Parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

constexpr char kBase[] =
    R"("vocab_size":256,"hidden_size":64,"intermediate_size":96,"num_hidden_layers":4,)"
    R"("num_attention_heads":4,"num_key_value_heads":2)";

std::string Config(std::string_view model_type, std::string_view more = "") {
  std::string text = "{\"model_type\":\"" + std::string(model_type) + "\"," + kBase;
  if (!more.empty()) text += "," + std::string(more);
  return text + "}";
}

TEST(HostileConfigs, AreRefusedNamingTheField) {
  const std::map<std::string, std::string> field = {{"activation_unknown", "hidden_act"},
                                                    {"head_dim_odd", "head_dim"},
                                                    {"heads_not_divisible", "num_key_value_heads"},
                                                    {"heads_zero", "num_attention_heads"},
                                                    {"hidden_negative", "hidden_size"},
                                                    {"hidden_string", "hidden_size"},
                                                    {"layers_huge", "num_hidden_layers"},
                                                    {"model_type_unknown", "architecture"},
                                                    {"rope_theta_zero", "rope_theta"},
                                                    {"rope_type_unknown", "rope_type"}};
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::DataPath("fixtures/hostile/config"))) {
    const std::string stem = entry.path().stem().string();
    const std::string message = Message(ReadText(entry.path()));
    ASSERT_TRUE(field.contains(stem)) << stem;
    EXPECT_NE(message.find(field.at(stem)), std::string::npos) << stem << ": " << message;
    ++count;
  }
  EXPECT_EQ(count, 10);
}

TEST(HugeSizes, AreRefusedTogetherEvenWhereEachAloneIsPossible) {
  const std::string text =
      R"({"model_type":"qwen3_moe","vocab_size":16777216,"hidden_size":16777216,)"
      R"("intermediate_size":16777216,"num_hidden_layers":1024,"num_attention_heads":4096,)"
      R"("head_dim":512,"num_experts":65536,"moe_intermediate_size":16777216})";
  EXPECT_NE(Message(text).find("parameters"), std::string::npos) << Message(text);
}

TEST(UnknownArchitecture, IsRefusedNamingWhatIsSupported) {
  const std::string message = Message(Config("gpt_neox"));
  EXPECT_NE(message.find("gpt_neox"), std::string::npos) << message;
  EXPECT_NE(message.find("qwen3, qwen3_moe, qwen2, llama, mistral"), std::string::npos) << message;
}

TEST(QuantisedCheckpoint, IsRefusedByName) {
  EXPECT_NE(Message(Config("llama", R"("quantization_config":{"quant_method":"gptq"})"))
                .find("quantization_config"),
            std::string::npos);
}

TEST(MissingFields, TakeTheClassDefaults) {
  EXPECT_EQ(Parse(Config("qwen3")).head_dim, 128);
  EXPECT_EQ(Parse(Config("llama")).head_dim, 16);
  EXPECT_EQ(Parse(Config("llama", R"("head_dim":null)")).head_dim, 16);
  EXPECT_EQ(Parse(Config("mistral")).window, std::vector<int64_t>(4, 4096));
  EXPECT_EQ(Parse(Config("mistral", R"("sliding_window":null)")).window,
            std::vector<int64_t>(4, 0));
  EXPECT_FALSE(
      Parse(Config("qwen3_moe", R"("num_experts":8,"num_experts_per_tok":2)")).moe.norm_topk_prob);
  EXPECT_TRUE(Parse(Config("qwen2")).qkv_bias);
  EXPECT_FALSE(Parse(Config("qwen2")).output_bias);
}

TEST(SlidingWindow, OfQwenNeedsItsSwitch) {
  EXPECT_EQ(Parse(Config("qwen2", R"("sliding_window":8)")).window, std::vector<int64_t>(4, 0));
  EXPECT_EQ(Parse(Config("qwen2",
                         R"("use_sliding_window":true,"sliding_window":8,"max_window_layers":2)"))
                .window,
            (std::vector<int64_t>{0, 0, 8, 8}));
  EXPECT_EQ(
      Parse(
          Config("qwen3",
                 R"("use_sliding_window":true,"sliding_window":8,"layer_types":)"
                 R"(["sliding_attention","full_attention","full_attention","sliding_attention"])"))
          .window,
      (std::vector<int64_t>{8, 0, 0, 8}));
}

TEST(EndOfSequence, JoinsBothFilesWithoutDuplicates) {
  const ModelConfig config = ParseConfigJson(Config("qwen3", R"("eos_token_id":5)"),
                                             R"({"eos_token_id":[7,5]})", "config.json");
  EXPECT_EQ(config.eos_ids, (std::vector<int32_t>{5, 7}));
  EXPECT_TRUE(Parse(Config("qwen3", R"("eos_token_id":null)")).eos_ids.empty());
}

TEST(Rope, ReadsTheOldAndTheNewForm) {
  const ModelConfig old_form =
      Parse(Config("llama", R"("rope_theta":5e5,"rope_scaling":{"type":"linear","factor":2})"));
  EXPECT_EQ(old_form.rope.kind, RopeKind::kLinear);
  EXPECT_EQ(old_form.rope.theta, 5e5);
  EXPECT_EQ(old_form.rope.factor, 2);
  const ModelConfig new_form = Parse(
      Config("llama", R"("rope_parameters":{"rope_type":"dynamic","rope_theta":1e6,"factor":4})"));
  EXPECT_EQ(new_form.rope.kind, RopeKind::kDynamic);
  EXPECT_EQ(new_form.rope.theta, 1e6);
}

// As vLLM derives its longest sequence.
TEST(Rope, StretchesTheContextWhereFilesStateWhatWasTrained) {
  const auto context = [](std::string_view rope) {
    return Parse(Config("llama",
                        R"("max_position_embeddings":4096,"rope_scaling":)" + std::string(rope)))
        .context_length();
  };
  EXPECT_EQ(context("null"), 4096);
  EXPECT_EQ(context(R"({"type":"linear","factor":4})"), 16384);
  EXPECT_EQ(context(R"({"type":"dynamic","factor":2})"), 8192);
  EXPECT_EQ(context(R"({"type":"yarn","factor":4,"original_max_position_embeddings":2048})"), 8192);
  EXPECT_EQ(context(R"({"type":"yarn","factor":2,"original_max_position_embeddings":1024})"), 4096);
  EXPECT_EQ(context(R"({"rope_type":"llama3","factor":8,"original_max_position_embeddings":512})"),
            4096);
  EXPECT_EQ(context(R"({"type":"linear","factor":1e30})"), int64_t{1} << 31);
}

// Ratios and values of Llama 3.1's and Qwen3's published configurations, computed from the formulas
// of transformers.
TEST(RopeFrequencies, OfLlama3HaveThePublishedRatios) {
  ModelConfig config = Parse(Config("llama", R"("head_dim":128,"rope_theta":500000)"));
  const RopeFrequencies plain(config, {});
  config.rope.kind = RopeKind::kLlama3;
  config.rope.factor = 8;
  config.rope.original_context = 8192;
  const RopeFrequencies scaled(config, {});
  const auto ratio = [&](size_t i) { return plain.inv_freq()[i] / scaled.inv_freq()[i]; };
  EXPECT_EQ(ratio(28), 1.0f);
  EXPECT_NEAR(ratio(29), 1.2074839, 2e-6);
  EXPECT_NEAR(ratio(30), 1.5534146, 2e-6);
  EXPECT_NEAR(ratio(32), 2.6945297, 4e-6);
  EXPECT_NEAR(ratio(34), 5.2573266, 8e-6);
  EXPECT_NEAR(ratio(40), 8.0, 1e-5);
}

TEST(RopeFrequencies, OfYarnHaveThePublishedValues) {
  ModelConfig config = Parse(Config("qwen3", R"("rope_theta":1000000)"));
  config.rope.kind = RopeKind::kYarn;
  config.rope.factor = 4;
  config.rope.original_context = 32768;
  const RopeFrequencies yarn(config, {});
  EXPECT_NEAR(yarn.magnitude(), 1.1386294, 1e-6);
  EXPECT_NEAR(yarn.inv_freq()[30], 0.00106436098, 1e-9);
  EXPECT_NEAR(yarn.inv_freq()[63], 3.10234e-07, 1e-12);
}

TEST(RopeFrequencies, OfDynamicScalingStretchOnlyBeyondTheTrainedContext) {
  const ModelConfig config = Parse(
      Config("llama",
             R"("max_position_embeddings":32,"rope_scaling":{"rope_type":"dynamic","factor":2})"));
  const RopeFrequencies dynamic(config, {});
  EXPECT_TRUE(dynamic.dynamic());
  EXPECT_EQ(dynamic.ForLength(32),
            std::vector<float>(dynamic.inv_freq().begin(), dynamic.inv_freq().end()));
  // theta · (2·64/32 − 1)^(d/(d−2)) with d = 16.
  const double theta = 10000.0 * std::pow(3.0, 16.0 / 14.0);
  EXPECT_NEAR(dynamic.ForLength(64)[1], std::pow(theta, -2.0 / 16.0), 1e-7);
}

}  // namespace
}  // namespace hyprstream::model
