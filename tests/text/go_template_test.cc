#include "text/go_template.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"
#include "text/chat_template.h"
#include "text/json_value.h"

namespace hyprstream::text {
namespace {

constexpr std::string_view kThree =
    R"([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "Bye"}])";
constexpr std::string_view kSystem =
    R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}])";
constexpr std::string_view kFour =
    R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"}, {"role": "user", "content": "Bye"}])";

std::string Render(std::string_view go, std::string_view messages, bool answer = true) {
  const ChatTemplate jinja = ChatTemplate::Compile(JinjaOfGoTemplate(go));
  return jinja.Render({.messages = ParseJson(messages), .add_generation_prompt = answer}).text;
}

ErrorCode CodeOf(std::string_view go) {
  try {
    JinjaOfGoTemplate(go);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kUsage;
}

// The forms below are those that models of the Ollama library carry; what they render to is what
// the models' own Jinja templates give for the same messages.
constexpr std::string_view kChatMl =
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}"
    "{{ if .Prompt }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n{{ .Response }}<|im_end|>\n";

TEST(GoTemplate, TurnsOfChatMl) {
  EXPECT_EQ(Render(kChatMl, kFour),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
            "<|im_start|>assistant\nHi!<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(Render(kChatMl, R"([{"role": "user", "content": "Q"},
                               {"role": "assistant", "content": "A"}])",
                   false),
            "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n");
}

TEST(GoTemplate, MessagesOfChatMl) {
  EXPECT_EQ(Render("{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n"
                   "{{ end }}<|im_start|>assistant\n",
                   kThree),
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi!<|im_end|>\n"
            "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n");
}

TEST(GoTemplate, Llama2InstructionTurns) {
  const std::string_view go =
      "[INST] {{ if .System }}<<SYS>>{{ .System }}<</SYS>>\n\n{{ end }}{{ .Prompt }} [/INST] "
      "{{ .Response }}</s>";
  EXPECT_EQ(Render(go, kFour),
            "[INST] <<SYS>>Be kind.<</SYS>>\n\nHello [/INST] Hi!</s>[INST] Bye [/INST] ");
}

TEST(GoTemplate, Llama3WithTrimmedRange) {
  const std::string_view go =
      R"({{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>

{{ .Content }}<|eot_id|>
{{- end }}<|start_header_id|>assistant<|end_header_id|>

)";
  EXPECT_EQ(Render(go, kSystem),
            "<|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

// The shape of Qwen's: both worlds, with tools that are not there and the last message known.
constexpr std::string_view kQwen = R"({{- if .Messages }}
{{- if or .System .Tools }}<|im_start|>system
{{- if .System }}
{{ .System }}
{{- end }}
{{- if .Tools }}
# Tools
{{- range .Tools }}
{"type": "function", "function": {{ .Function }}}
{{- end }}
{{- end }}<|im_end|>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 -}}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ if .Content }}{{ .Content }}
{{- else if .ToolCalls }}<tool_call>
{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{ end }}</tool_call>
{{- end }}{{ if not $last }}<|im_end|>
{{ end }}
{{- else if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ end }}
{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant
{{ end }}
{{- end }}
{{- else }}
{{- if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ end }}{{ .Response }}{{ if .Response }}<|im_end|>{{ end }})";

TEST(GoTemplate, Qwen) {
  EXPECT_EQ(Render(kQwen, kFour),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
            "<|im_start|>assistant\nHi!<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(Render(kQwen, kThree),
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi!<|im_end|>\n"
            "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n");
}

TEST(GoTemplate, GemmaWithVariablesAndAPipe) {
  const std::string_view go = R"({{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if or (eq .Role "user") (eq .Role "system") }}<start_of_turn>user
{{ .Content }}<end_of_turn>
{{ if $last }}<start_of_turn>model
{{ end }}
{{- else if eq .Role "assistant" }}<start_of_turn>model
{{ .Content }}{{ if not $last }}<end_of_turn>
{{ end }}
{{- end }}
{{- end }})";
  EXPECT_EQ(Render(go, kThree),
            "<start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\nHi!<end_of_turn>\n"
            "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(Render("{{ range .Messages }}{{ .Content | json }}{{ end }}", kSystem),
            "\"Be kind.\"\"Hello\"");
}

TEST(GoTemplate, APlaceForTheAnswerIsAdded) {
  EXPECT_EQ(Render("### Instruction:\n{{ .Prompt }}\n\n### Response:\n", kThree),
            "### Instruction:\nHello\n\n### Response:\nHi!"
            "### Instruction:\nBye\n\n### Response:\n");
}

TEST(GoTemplate, TextIsTakenLiterally) {
  EXPECT_EQ(Render("{% raw %}'\\n' {# x #}{{/* a }} comment */}}\n{{ .Prompt }}", kSystem),
            "{% raw %}'\\n' {# x #}\nHello");
  EXPECT_EQ(Render("{{ \"a\\\"}}b\" }}{{ `\\n` }}{{ .Prompt }}", kSystem), "a\"}}b\\nHello");
}

TEST(GoTemplate, WhatMessagesSayIsNoTemplate) {
  EXPECT_EQ(Render("{{ .Prompt }}", R"([{"role": "user", "content": "{{ .System }}{% if %}"}])"),
            "{{ .System }}{% if %}");
}

TEST(GoTemplate, WhatIsNotUnderstoodIsRefused) {
  for (const char* go : {"{{ printf \"%s\" .Prompt }}", "{{ template \"x\" . }}", "{{ .Unknown }}",
                         "{{ define \"x\" }}{{ end }}", "{{ currentDate }}{{ .Prompt }}", "{{ . }}",
                         "{{ (slice .Messages 1).Role }}"}) {
    EXPECT_EQ(CodeOf(go), ErrorCode::kUnsupported) << go;
  }
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "{{ if .Prompt }}";
  for (const std::string& go :
       {std::string("{{ .Prompt"), std::string("{{ if .Prompt }}"), std::string("{{ end }}"),
        std::string("{{ else }}"), std::string("{{ \"x }}"), std::string("{{ }}"),
        std::string("{{ eq (.Role }}"), std::string("{{ .Prompt .System }}"),
        std::string(300u << 10, 'x'), deep, "{{ " + std::string(100'000, '(') + " }}"}) {
    EXPECT_EQ(CodeOf(go), ErrorCode::kInvalidArgument) << go.substr(0, 40);
  }
}

// Pieces that templates are made of, in any order.
RC_GTEST_PROP(GoTemplate, IsRefusedOrBecomesATemplate, ()) {
  const auto piece = rc::gen::element<std::string>(
      "{{ ", "{{- ", " }}", " -}}", "if ", "else ", "else if ", "end", "range ", "with ", "break",
      "continue", "$x := ", "$i, $m := ", "$x", "$", ".", ".Prompt", ".Response", ".Messages",
      ".Role", "eq ", "and ", "not ", "len ", "slice ", "index ", "json ", "(", ")", "| ", "\"a\"",
      "`b`", "\"\\", "0", "-1", "00", "true", " ", "\n", "x", "{", "}", "%}", "'", "/*", "*/",
      "{{ if .Prompt }}", "{{ range .Messages }}", "{{ end }}", "{{ .Content }}", "{{ else }}");
  std::string source;
  for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) {
    source += part;
  }
  std::string jinja;
  try {
    jinja = JinjaOfGoTemplate(source);
  } catch (const Error& error) {
    RC_ASSERT(error.code() == ErrorCode::kInvalidArgument ||
              error.code() == ErrorCode::kUnsupported);
    return;
  }
  ChatTemplate::Compile(jinja);
}

}  // namespace
}  // namespace hyprstream::text
