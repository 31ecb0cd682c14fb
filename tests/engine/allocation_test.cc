// A warm engine takes no memory for a token: from the step that draws it, through the model, to the
// event that its reader takes.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/adapter_spec.h"
#include "adapters/trainable_adapter.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/load.h"
#include "support/counted_new.h"
#include "support/data.h"

namespace hyprstream::engine {
namespace {

constexpr int64_t kWarm = 500;  // tokens until every buffer has its size, the queues of events too
constexpr int64_t kCounted = 400;   // a dozen pages of the cache
constexpr int64_t kContext = 1100;  // the streams are still going on afterwards

/// One loaded adapter of random values.
std::shared_ptr<const LoadedAdapter> RandomAdapter(const model::Model& model, uint64_t seed) {
  adapters::TrainableAdapter adapter(adapters::Topology(
      model.config(), adapters::DefaultSpec(adapters::AdapterKind::kLora, model.config(), "")));
  adapter.AddAll();
  const CounterRandom random(seed);
  uint64_t next = 0;
  auto factors = std::make_shared<std::vector<adapters::Factors>>();
  model::AdapterViews views(model.config().num_hidden_layers, model.config().moe.experts);
  const auto& places = adapter.topology().places();
  for (size_t p = 0; p < places.size(); ++p) {
    adapters::Factors& made = factors->emplace_back(adapter.Gather(p));
    for (Tensor* tensor : {&made.a, &made.b}) {
      for (float& value : tensor->As<float>()) {
        value = static_cast<float>(0.02 * (random.Uniform(next++) - 0.5));
      }
    }
    views.Set(places[p].at.layer, places[p].at.module,
              {.a = made.a.As<float>().data(),
               .b = made.b.As<float>().data(),
               .rank = static_cast<int64_t>(adapter.components(p).size())},
              places[p].at.expert);
  }
  const std::string name = "random" + std::to_string(seed);
  return std::make_shared<LoadedAdapter>(LoadedAdapter{
      .name = name, .content_hash = name, .views = std::move(views), .storage = factors});
}

class Allocations : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Compute compute(2);
    loaded_ = new LoadedModel(OpenModel(testing::SourcePath("models/willowbrook"), compute,
                                        TokenizerNeed::kRequired, {}));
  }
  static void TearDownTestSuite() { delete loaded_; }

  static GenerationRequest Request(uint64_t seed) {
    GenerationRequest request;
    request.prompt = loaded_->prompts->Continuation("Once upon a time").ids;
    request.max_tokens = kContext;
    request.ignore_eos = true;
    request.sampling.temperature = 0.8f;
    request.sampling.seed = seed;
    return request;
  }

  /// Calls of operator new while each stream makes kCounted tokens.
  static int64_t Count(std::vector<GenerationRequest> requests) {
    const auto engine =
        Engine::Create(loaded_->model, loaded_->tokenizer, {.threads = 2, .context = 2048});
    std::vector<std::unique_ptr<Generation>> streams;
    for (GenerationRequest& request : requests)
      streams.push_back(engine->Submit(std::move(request)));
    const auto count = static_cast<int64_t>(streams.size());
    // Nobody reads at first: no queue is ever as long again.
    while (engine->Stats().generated_tokens < count * kWarm) std::this_thread::yield();
    Read(streams, kWarm);
    const int64_t before = testing::Allocations();
    Read(streams, kCounted);
    return testing::Allocations() - before;
  }

  static void Read(std::vector<std::unique_ptr<Generation>>& streams, int64_t tokens) {
    for (int64_t i = 0; i < tokens; ++i) {
      for (const auto& stream : streams) {
        const std::optional<GenerationEvent> event = stream->Next();
        ASSERT_TRUE(event && std::holds_alternative<TokenEvent>(*event));
      }
    }
  }

  static LoadedModel* loaded_;
};

LoadedModel* Allocations::loaded_ = nullptr;

TEST_F(Allocations, TheCounterCounts) {
  const int64_t before = testing::Allocations();
  const auto memory = std::make_unique<std::vector<int>>(100);
  EXPECT_EQ(testing::Allocations() - before, 2);
}

TEST_F(Allocations, NoneForATokenOfOneStream) { EXPECT_EQ(Count({Request(1)}), 0); }

TEST_F(Allocations, NoneForATokenOfManyStreams) {
  std::vector<GenerationRequest> requests;
  for (uint64_t i = 0; i < 8; ++i) requests.push_back(Request(i));
  EXPECT_EQ(Count(std::move(requests)), 0);
}

TEST_F(Allocations, NoneForATokenHoweverItIsDrawn) {
  std::vector<GenerationRequest> requests;
  for (uint64_t i = 0; i < 5; ++i) requests.push_back(Request(i));
  requests[0].sampling.temperature = 0;
  requests[1].sampling.top_k = 40;
  requests[2].sampling.top_p = 0.9f;
  requests[3].sampling.logprobs = 0;
  requests[4].sampling.logit_bias = {{17, -5.0f}};
  requests[4].stop = {"a stop string that never comes"};
  EXPECT_EQ(Count(std::move(requests)), 0);
}

TEST_F(Allocations, NoneForATokenWithAdapters) {
  std::vector<GenerationRequest> requests;
  for (uint64_t i = 0; i < 4; ++i) {
    requests.push_back(Request(i));
    requests.back().adapters = {{.adapter = RandomAdapter(*loaded_->model, i)}};
  }
  EXPECT_EQ(Count(std::move(requests)), 0);
}

}  // namespace
}  // namespace hyprstream::engine
