// Opens everything a model needs to answer: files, weights, tokenizer, chat template and its
// author's sampling defaults. What every door starts with.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "engine/generation_defaults.h"
#include "engine/prompt.h"
#include "model/model.h"

namespace hyprstream::engine {

/// Threads and scratch memory for computing outside an engine. One thread uses it at a time.
class Compute {
 public:
  /// 0 threads: all processors. Errors: those of kernels::ChooseIsa.
  explicit Compute(int threads);
  ops::Context context() { return {pool_, isa_, scratch_}; }

 private:
  ThreadPool pool_;
  kernels::Isa isa_;
  ops::Scratch scratch_;
};

enum class TokenizerNeed { kRequired, kIfPresent, kNone };

struct LoadedModel {
  std::string name;  // last component of the path
  std::shared_ptr<const formats::ModelFiles> files;
  std::shared_ptr<const model::Model> model;
  std::shared_ptr<const text::Tokenizer> tokenizer;  // null when the files have none
  std::shared_ptr<const PromptBuilder> prompts;      // null without a tokenizer
  GenerationDefaults defaults;
};

/// The tokenizer of a model's files. Null when there is none and it is not required.
/// Errors: kNotFound, and those of Tokenizer.
std::shared_ptr<const text::Tokenizer> OpenTokenizer(const formats::ModelFiles& files,
                                                     TokenizerNeed need);

/// Errors: those of ModelFiles::Open, Model::Load and the tokenizer.
LoadedModel OpenModel(const std::filesystem::path& path, Compute& compute, TokenizerNeed need,
                      const model::LoadOptions& options);

/// Ids that end an answer: the configuration's and the tokenizer's (which may be null), ascending.
std::vector<int32_t> EndOfGeneration(const model::ModelConfig& config,
                                     const text::Tokenizer* tokenizer);

/// "willowbrook" for models/willowbrook/, "tiny" for tiny.gguf.
std::string ModelNameOf(const std::filesystem::path& path);

}  // namespace hyprstream::engine
