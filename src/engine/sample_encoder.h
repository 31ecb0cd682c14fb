// From what a user wrote to what is trained on: messages or a pair of texts through the model's own
// chat template, each answer of the assistant one sample whose targets are the answer's tokens and
// the token that ends it, cut where serving cuts (the prompt is encoded alone, as when the model is
// asked). Immutable: any thread may use it.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/load.h"
#include "engine/prompt.h"
#include "text/tokenizer.h"
#include "training/sample.h"

namespace hyprstream::engine {

class SampleEncoder {
 public:
  /// Of a model with a tokenizer.
  explicit SampleEncoder(const LoadedModel& loaded);
  /// `context`: the longest sample in tokens.
  SampleEncoder(std::shared_ptr<const PromptBuilder> prompts,
                std::shared_ptr<const text::Tokenizer> tokenizer,
                std::vector<int32_t> end_of_generation, int64_t context);

  /// Of a model's files, without its weights. Errors: those of ModelFiles::Open, ReadConfig and the
  /// tokenizer.
  static SampleEncoder OfFiles(const std::filesystem::path& model);

  /// One line of a data file: {"messages": […]}, {"input", "output"} (or "prompt", "completion"),
  /// {"text", "continuation"} without a chat template, or {"ids", "labels"}; with "weight" if
  /// wanted. Of messages every answer is learnt, with "learn": "last" only the last one; an answer
  /// with a "weight" of its own counts that much besides, with 0 it is only read. "tools" beside
  /// the messages are shown to the model as when it is asked. Errors: kInvalidArgument saying what
  /// is wrong.
  std::vector<training::Sample> Encode(std::string_view json) const;

  /// A JSON Lines file; blank lines are skipped. Errors: as Encode, naming the line; kNotFound;
  /// kInvalidArgument for a file without samples.
  std::vector<training::Sample> ReadFile(const std::filesystem::path& path) const;

 private:
  std::vector<training::Sample> OfMessages(const text::Value& messages,
                                           const text::Value& tools = {}) const;
  training::Sample OfAnswer(const text::Value& messages, const text::Value& tools,
                            size_t answer) const;
  training::Sample OfContinuation(const text::Value& object) const;

  const std::shared_ptr<const PromptBuilder> prompts_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  const std::vector<int32_t> end_of_generation_;
  const int64_t context_;
};

}  // namespace hyprstream::engine
