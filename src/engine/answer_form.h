// From the form that a request asks for to a Constraint over the model's tokens. What has been made
// is kept for the next request of the same form. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/constraint.h"
#include "text/json_value.h"

namespace hyprstream::engine {

/// What an answer is to be, after its reasoning.
struct AnswerForm {
  enum class Kind { kJsonObject, kSchema };
  /// kNone: no reasoning; kMayCome: "<think>" … "</think>" may come first; kInside: the prompt has
  /// opened it.
  enum class Reasoning { kNone, kMayCome, kInside };

  Kind kind = Kind::kJsonObject;
  text::Value schema = {};  // for kSchema
  std::string where = {};   // its place in the request, for errors
  Reasoning reasoning = Reasoning::kNone;
  bool tools = false;  // calls of tools may come instead
};

/// The grammar of an answer. Errors: those of CompileJsonSchema.
Grammar GrammarOf(const AnswerForm& form);

class ConstraintMaker {
 public:
  explicit ConstraintMaker(std::shared_ptr<const text::Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}

  /// Errors: those of CompileJsonSchema and Constraint.
  std::shared_ptr<Constraint> Make(const AnswerForm& form);

 private:
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::mutex mutex_;
  std::shared_ptr<const TokenTrie> tokens_;  // guarded by mutex_; null until asked for
  // Guarded by mutex_: by form, the one that was asked for last at the end.
  std::vector<std::pair<std::string, std::shared_ptr<Constraint>>> made_;
};

}  // namespace hyprstream::engine
