#include "engine/engine.h"

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "engine/engine_loop.h"
#include "engine/generation.h"
#include "engine/mailbox.h"
#include "engine/memory_plan.h"
#include "engine/request_check.h"

namespace hyprstream::engine {
namespace {

uint64_t FreshSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

class ThreadedEngine : public Engine {
 public:
  ThreadedEngine(std::shared_ptr<const model::Model> model,
                 std::shared_ptr<const text::Tokenizer> tokenizer, const MemoryPlan& plan,
                 MemoryBudget* budget)
      : model_(std::move(model)),
        tokenizer_(std::move(tokenizer)),
        options_(plan.options),
        loop_(model_, tokenizer_, plan, budget, *mailbox_),
        thread_([this] { loop_.Run(); }) {}

  ~ThreadedEngine() override {
    mailbox_->Stop();
    thread_.join();
  }

  std::unique_ptr<Generation> Submit(GenerationRequest request) override;
  EngineStats Stats() const override { return loop_.Stats(); }
  const EngineOptions& options() const override { return options_; }
  Turns& turns() override { return loop_.turns(); }

 private:
  std::unique_ptr<Sequence> MakeSequence(GenerationRequest request) const;

  const std::shared_ptr<const model::Model> model_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  const EngineOptions options_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  EngineLoop loop_;
  std::thread thread_;
};

std::unique_ptr<Generation> ThreadedEngine::Submit(GenerationRequest request) {
  const int64_t context =
      request.context > 0 ? std::min(request.context, options_.context) : options_.context;
  CheckRequest(request, {.vocab_size = model_->config().vocab_size,
                         .context = context,
                         .has_text = tokenizer_ != nullptr});
  const int64_t room = context - std::ssize(request.prompt);
  request.max_tokens = static_cast<int32_t>(std::min<int64_t>(request.max_tokens, room));
  DropIneffectiveAdapters(request);
  std::unique_ptr<Sequence> sequence = MakeSequence(std::move(request));
  std::shared_ptr<EventChannel> channel = sequence->channel;
  if (sequence->request.max_tokens == 0) {
    Finished finished{.reason = FinishReason::kLength, .seed = sequence->sampler.seed()};
    finished.usage.prompt_tokens = sequence->length();
    channel->Push(std::move(finished));
  } else {
    mailbox_->Submit(std::move(sequence));
  }
  return std::make_unique<ChannelGeneration>(std::move(channel), mailbox_);
}

std::unique_ptr<Sequence> ThreadedEngine::MakeSequence(GenerationRequest request) const {
  const model::ModelConfig& config = model_->config();
  const bool length_matters = config.rope.kind == model::RopeKind::kDynamic;
  const PageKey root =
      RootKey({.model_fingerprint = model_->fingerprint(),
               .cache_dtype = options_.cache_dtype,
               .adapters = request.adapters,
               .prompt_tokens = length_matters ? static_cast<int64_t>(request.prompt.size()) : 0});
  const int64_t usable_ids = tokenizer_ == nullptr
                                 ? config.vocab_size
                                 : std::min(config.vocab_size, tokenizer_->vocab_size());
  Sampler sampler(request.sampling, request.prompt, usable_ids,
                  request.sampling.seed ? *request.sampling.seed : FreshSeed());
  AnswerText text(tokenizer_, request.skip_special_text, request.stop);
  auto sequence =
      std::make_unique<Sequence>(std::move(request), root, std::move(sampler), std::move(text));
  sequence->ReserveFor(options_.context, options_.draft_tokens);
  sequence->times.submitted = Clock::now();
  return sequence;
}

}  // namespace

std::unique_ptr<Engine> Engine::Create(std::shared_ptr<const model::Model> model,
                                       std::shared_ptr<const text::Tokenizer> tokenizer,
                                       const EngineOptions& options, MemoryBudget* budget) {
  HYPR_CHECK(model != nullptr);
  const MemoryPlan plan = PlanMemory(*model, options, budget);
  return std::make_unique<ThreadedEngine>(std::move(model), std::move(tokenizer), plan, budget);
}

}  // namespace hyprstream::engine
