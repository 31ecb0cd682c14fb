// Templates of Ollama models: Go's text/template over .System, .Prompt and .Response, or over
// .Messages, translated into Jinja, which then renders like any model's own template. What the
// forms in use need is there: text, if/else, range, with, variables, comparisons and trimming;
// templates and functions beyond that are not, and are refused rather than guessed at. Sources:
// Go's text/template, Ollama's template/template.go (how messages become turns). Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::text {

/// Jinja source over `messages`, `tools` and `add_generation_prompt`.
/// Errors: kUnsupported naming the function or action that is not understood; kInvalidArgument for
/// broken syntax and for a template that is too large.
std::string JinjaOfGoTemplate(std::string_view go_template);

}  // namespace hyprstream::text
