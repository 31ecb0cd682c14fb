// The engine with real models: numbers of an independent implementation, and the same bits however
// the work is arranged.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "collect.h"
#include "engine/engine.h"
#include "engine/evaluate.h"
#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "support/data.h"

namespace hyprstream::engine {
namespace {

using testing::Answer;
using testing::Ask;
using testing::AskAll;
using testing::DataPath;
using testing::SourcePath;

struct Machine {
  explicit Machine(int threads = 2) : pool(threads) {}
  ThreadPool pool;
  ops::Scratch scratch;
  ops::Context context{pool, kernels::ChooseIsa(), scratch};

  std::shared_ptr<const model::Model> Load(const std::filesystem::path& path,
                                           ops::Arithmetic arithmetic) {
    return model::Model::Load(formats::ModelFiles::Open(path), context, {.arithmetic = arithmetic});
  }
};

struct Expected {
  std::shared_ptr<const formats::SafetensorsFile> file;

  explicit Expected(const std::string& path)
      : file(formats::SafetensorsFile::Open(DataPath("fixtures/" + path))) {}
  std::vector<int32_t> Ids(const std::string& name) const {
    const std::span<const int64_t> ids = file->Find(name)->view.As<int64_t>();
    return {ids.begin(), ids.end()};
  }
  std::span<const float> Floats(const std::string& name) const {
    return file->Find(name)->view.As<float>();
  }
};

// Tolerance 1e-4: tests/data/fixtures/README.md.
void ExpectNear(std::span<const float> actual, std::span<const float> expected) {
  ASSERT_EQ(actual.size(), expected.size());
  float worst = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    worst = std::max(worst, std::abs(actual[i] - expected[i]));
  }
  EXPECT_LT(worst, 1e-4f);
}

bool SameBits(const Tensor& a, const Tensor& b) {
  const auto x = a.view().bytes;
  const auto y = b.view().bytes;
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

std::vector<std::vector<int32_t>> BatchPrompts(const Expected& expected) {
  std::vector<std::vector<int32_t>> prompts;
  for (int i = 0; i < 5; ++i) {
    prompts.push_back(expected.Ids("prompt." + std::to_string(i) + ".input_ids"));
  }
  return prompts;
}

TEST(EvaluateModel, ABatchGivesEachSequenceTheLogitsItHasAlone) {
  Machine machine;
  const auto model = machine.Load(DataPath("fixtures/qwen3-untied"), ops::Arithmetic::kExact);
  const Expected expected("batch/expected.safetensors");
  const auto prompts = BatchPrompts(expected);
  EvaluateOptions options{.cache_dtype = DType::kF32};
  const auto together = EvaluateSequences(machine.context, *model, prompts, options);
  for (size_t i = 0; i < prompts.size(); ++i) {
    ExpectNear(together[i].logits.As<float>(),
               expected.Floats("prompt." + std::to_string(i) + ".logits"));
    const auto alone = EvaluateSequences(machine.context, *model, {&prompts[i], 1}, options);
    EXPECT_TRUE(SameBits(alone[0].logits, together[i].logits)) << "prompt " << i;
  }
}

TEST(EvaluateModel, LongSequencesAndTheirScoreAgree) {
  Machine machine;
  const auto model = machine.Load(DataPath("fixtures/qwen3-tied/f32"), ops::Arithmetic::kExact);
  const Expected expected("long/expected.safetensors");
  const std::vector<std::vector<int32_t>> sequences = {expected.Ids("input_ids")};
  const auto result =
      EvaluateSequences(machine.context, *model, sequences, {.cache_dtype = DType::kF32});
  const auto positions = expected.file->Find("positions")->view.As<int64_t>();
  const auto logits = result[0].logits.As<float>();
  const auto wanted = expected.Floats("logits");
  const auto vocab = static_cast<size_t>(model->config().vocab_size);
  for (size_t i = 0; i < positions.size(); ++i) {
    ExpectNear(logits.subspan(static_cast<size_t>(positions[i]) * vocab, vocab),
               wanted.subspan(i * vocab, vocab));
  }
  const double score = expected.Floats("logprob_sum")[0];
  EXPECT_NEAR(result[0].logprob_sum, score, 1e-3 + 1e-5 * std::abs(score));
}

TEST(EvaluateModel, TheBitsDoNotDependOnStepsCompanyOrThreads) {
  for (const ops::Arithmetic arithmetic : {ops::Arithmetic::kExact, ops::Arithmetic::kServing}) {
    for (const char* path : {"fixtures/qwen3-tied/bf16", "fixtures/gguf/qwen3-gguf/model-Q8_0.gguf",
                             "fixtures/qwen3-moe", "fixtures/mistral-sliding"}) {
      Machine one(1);
      Machine two(2);
      const auto model = one.Load(DataPath(path), arithmetic);
      std::vector<std::vector<int32_t>> sequences;
      for (int32_t length : {70, 1, 33, 50}) {
        sequences.emplace_back();
        for (int32_t i = 0; i < length; ++i) sequences.back().push_back((i * i + length) % 128);
      }
      const auto whole = EvaluateSequences(one.context, *model, sequences, {});
      for (const int64_t step : {1, 7, 32}) {
        const auto pieces = EvaluateSequences(two.context, *model, sequences, {.step = step});
        for (size_t i = 0; i < sequences.size(); ++i) {
          EXPECT_TRUE(SameBits(whole[i].logits, pieces[i].logits))
              << path << ", step " << step << ", sequence " << i;
          EXPECT_EQ(whole[i].logprob_sum, pieces[i].logprob_sum);
        }
      }
      const auto last =
          EvaluateSequences(two.context, *model, {sequences.data() + 2, 1}, {.step = 5, .last = 2});
      const auto all = whole[2].logits.As<float>();
      const auto kept = last[0].logits.As<float>();
      EXPECT_TRUE(std::equal(kept.begin(), kept.end(), all.end() - std::ssize(kept))) << path;
    }
  }
}

TEST(EvaluateModel, WrongSequencesAreRefused) {
  Machine machine;
  const auto model = machine.Load(DataPath("fixtures/qwen3-untied"), ops::Arithmetic::kExact);
  const std::vector<std::vector<int32_t>> unknown = {{1, 2}, {512}};
  EXPECT_THROW(EvaluateSequences(machine.context, *model, unknown, {}), Error);
  const std::vector<std::vector<int32_t>> empty = {{}};
  EXPECT_THROW(EvaluateSequences(machine.context, *model, empty, {}), Error);
  EXPECT_TRUE(EvaluateSequences(machine.context, *model, {}, {}).empty());
}

class Willowbrook : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    machine_ = new Machine;
    model_ = machine_->Load(SourcePath("models/willowbrook"), ops::Arithmetic::kServing);
    tokenizer_ = text::Tokenizer::FromPath(SourcePath("models/willowbrook"));
  }
  static void TearDownTestSuite() {
    model_.reset();
    tokenizer_.reset();
    delete machine_;
  }

  static std::vector<GenerationRequest> Requests(size_t count) {
    const std::vector<std::string> texts = {"One windy morning, Pip", "Rosa the miller",
                                            "Granny Ivy lives", "Tell me a story about",
                                            "Once upon a time there was a fox. One windy morning"};
    std::vector<GenerationRequest> requests;
    for (size_t i = 0; i < count; ++i) {
      GenerationRequest request;
      for (size_t repeat = 0; repeat <= i % 4; ++repeat) {
        const auto ids = tokenizer_->Encode(texts[(i + repeat) % texts.size()]);
        request.prompt.insert(request.prompt.end(), ids.begin(), ids.end());
      }
      if (i % 3 == 0) {  // a shared beginning of several pages
        const auto head =
            tokenizer_->Encode(std::string(texts[4]) + texts[4] + texts[4] + texts[4]);
        request.prompt.insert(request.prompt.begin(), head.begin(), head.end());
      }
      request.max_tokens = static_cast<int32_t>(6 + i % 5 * 6);
      request.sampling.seed = i;
      request.sampling.temperature = i % 4 == 0 ? 0.0f : 0.9f;
      request.sampling.logprobs = 20;
      requests.push_back(std::move(request));
    }
    return requests;
  }

  static Machine* machine_;
  static std::shared_ptr<const model::Model> model_;
  static std::shared_ptr<const text::Tokenizer> tokenizer_;
};

Machine* Willowbrook::machine_ = nullptr;
std::shared_ptr<const model::Model> Willowbrook::model_;
std::shared_ptr<const text::Tokenizer> Willowbrook::tokenizer_;

TEST_F(Willowbrook, GreedyAnswersAreThoseOfTheReference) {
  const Expected expected("willowbrook/expected.safetensors");
  const auto exact = machine_->Load(SourcePath("models/willowbrook"), ops::Arithmetic::kExact);
  const auto engine = Engine::Create(exact, tokenizer_, {.cache_dtype = DType::kF32});
  std::ifstream lines(DataPath("fixtures/willowbrook/expected.jsonl"));
  for (int i = 0; i < 5; ++i) {
    const std::string name = "prompt." + std::to_string(i);
    GenerationRequest request{.prompt = expected.Ids(name + ".input_ids")};
    request.sampling.temperature = 0;
    request.max_tokens = static_cast<int32_t>(expected.Ids(name + ".greedy_ids").size());
    Answer answer = Ask(*engine, request);
    if (answer.finished.stop_id) answer.ids.push_back(*answer.finished.stop_id);
    EXPECT_EQ(answer.ids, expected.Ids(name + ".greedy_ids")) << name;
    std::string line;
    std::getline(lines, line);
    std::string escaped;
    for (const char c : answer.text) {
      if (c == '"' || c == '\\') escaped += '\\';
      escaped += c == '\n' ? "\\n" : std::string(1, c);
    }
    EXPECT_NE(line.find("\"greedy_text\": \"" + escaped + "\""), std::string::npos) << answer.text;
  }
}

TEST_F(Willowbrook, TokensAndLogprobsAreTheSameBitsHoweverTheEngineIsArranged) {
  const std::vector<GenerationRequest> requests = Requests(32);
  std::vector<Answer> alone;
  {
    const auto engine =
        Engine::Create(model_, tokenizer_,
                       {.threads = 1, .context = 256, .max_sequences = 1, .prefix_cache = false});
    for (const GenerationRequest& request : requests) alone.push_back(Ask(*engine, request));
  }
  const uint64_t page = model_->CacheLayout(nullptr, DType::kBF16).page_bytes();
  const std::vector<EngineOptions> arrangements = {
      {.threads = 2, .context = 256, .max_sequences = 32},
      {.threads = 1, .context = 256, .max_batch_rows = 40, .max_sequences = 32},
      {.threads = 2, .context = 256, .max_batch_rows = 7, .prefix_cache = false},
      {.threads = 2, .context = 256, .cache_bytes = {9 * page}, .max_sequences = 32}};
  for (size_t i = 0; i < arrangements.size(); ++i) {
    const auto engine = Engine::Create(model_, tokenizer_, arrangements[i]);
    for (int round = 0; round < 2; ++round) {  // the second finds cached prefixes
      const std::vector<Answer> answers = AskAll(*engine, requests);
      for (size_t j = 0; j < requests.size(); ++j) {
        ASSERT_EQ(answers[j].ids, alone[j].ids) << "arrangement " << i << ", request " << j;
        ASSERT_EQ(answers[j].logprob_bits, alone[j].logprob_bits)
            << "arrangement " << i << ", request " << j;
        EXPECT_EQ(answers[j].text, alone[j].text);
      }
    }
    EXPECT_EQ(engine->Stats().cached_tokens > 0, arrangements[i].prefix_cache);
    EXPECT_EQ(engine->Stats().preemptions > 0, arrangements[i].cache_bytes.value > 0);
    EXPECT_EQ(engine->Stats().pages_used, 0);
  }
}

TEST_F(Willowbrook, AProfileAccountsForTheTime) {
  const auto engine =
      Engine::Create(model_, tokenizer_, {.context = 256, .max_sequences = 8, .profile = true});
  AskAll(*engine, Requests(8));
  const StepTimes times = engine->Stats().times;
  const Duration phases = times.idle + times.lent + times.schedule + times.forward + times.sample +
                          times.text + times.deliver;
  const Duration parts = times.embedding + times.layers + times.head;
  EXPECT_GT(static_cast<double>(phases.count()), 0.95 * static_cast<double>(times.wall.count()));
  EXPECT_GT(static_cast<double>(parts.count()), 0.95 * static_cast<double>(times.forward.count()));
}

}  // namespace
}  // namespace hyprstream::engine
