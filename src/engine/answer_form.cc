#include "engine/answer_form.h"

#include <algorithm>

#include "engine/json_grammar.h"
#include "engine/json_schema.h"

namespace hyprstream::engine {
namespace {

using Symbol = Grammar::Symbol;
using Symbols = Grammar::Symbols;

constexpr size_t kMostKept = 8;
constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kToolCall = "<tool_call>";

/// Anything up to and with the first kClose. Only its first byte is '<', so what has matched in
/// vain has at most that in common with a new beginning.
Symbol UntilClose(Grammar& grammar) {
  std::vector<Symbol> matched;  // by number of bytes of kClose that stand just before
  for (size_t i = 0; i < kClose.size(); ++i) matched.push_back(grammar.NewRule());
  for (size_t i = 0; i < kClose.size(); ++i) {
    const ByteSet next = BytesOf(kClose.substr(i, 1));
    const ByteSet first = BytesOf(kClose.substr(0, 1));
    Symbols goes_on{grammar.AnyOf(next)};
    if (i + 1 < kClose.size()) goes_on.push_back(matched[i + 1]);
    grammar.AddAlternative(matched[i], std::move(goes_on));
    if (i > 0) grammar.AddAlternative(matched[i], {grammar.AnyOf(first), matched[1]});
    grammar.AddAlternative(matched[i], {grammar.AnyOf(~(next | first)), matched[0]});
  }
  return matched[0];
}

Symbols WithReasoning(Grammar& grammar, Symbols answer, AnswerForm::Reasoning reasoning) {
  if (reasoning == AnswerForm::Reasoning::kNone) return answer;
  const Symbols space = grammar.Repeat({grammar.AnyOf(BytesOf(" \n"))}, 0, 4);
  const Symbols inside = Join({{UntilClose(grammar)}, space});
  if (reasoning == AnswerForm::Reasoning::kInside) return Join({inside, answer});
  return Join({{grammar.Optional(Join({space, grammar.Literal(kOpen), inside}))}, answer});
}

Symbol Anything(Grammar& grammar) {
  const Symbol rest = grammar.NewRule();
  grammar.AddAlternative(rest, {});
  grammar.AddAlternative(rest, {grammar.AnyOf(~ByteSet()), rest});
  return rest;
}

std::string KeyOf(const AnswerForm& form) {
  return std::to_string(static_cast<int>(form.kind)) +
         std::to_string(static_cast<int>(form.reasoning)) + (form.tools ? "t" : "-") +
         text::WriteJson(form.schema);
}

}  // namespace

Grammar GrammarOf(const AnswerForm& form) {
  Grammar grammar;
  JsonGrammar json(grammar);
  const Symbol value = form.kind == AnswerForm::Kind::kJsonObject
                           ? json.any_object()
                           : CompileJsonSchema(form.schema, form.where, grammar, json);
  Symbols answer{value};
  if (form.tools) {
    answer = {grammar.Choice({answer, Join({grammar.Literal(kToolCall), {Anything(grammar)}})})};
  }
  grammar.SetRoot(grammar.Choice({WithReasoning(grammar, std::move(answer), form.reasoning)}));
  return grammar;
}

std::shared_ptr<Constraint> ConstraintMaker::Make(const AnswerForm& form) {
  const std::string key = KeyOf(form);
  const std::lock_guard lock(mutex_);
  std::erase_if(made_, [](const auto& entry) { return entry.second->worn(); });
  const auto known = std::ranges::find(made_, key, [](const auto& entry) { return entry.first; });
  if (known != made_.end()) {
    std::rotate(known, known + 1, made_.end());
    return made_.back().second;
  }
  if (tokens_ == nullptr) tokens_ = TokenTrie::Of(*tokenizer_);
  auto constraint = std::make_shared<Constraint>(GrammarOf(form), tokens_);
  if (made_.size() >= kMostKept) made_.erase(made_.begin());
  made_.emplace_back(key, constraint);
  return constraint;
}

}  // namespace hyprstream::engine
