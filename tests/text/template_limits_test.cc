// Programs that want too much end with an error of kind limit, soon and small.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "chat_template_fixtures.h"
#include "text/chat_template.h"

namespace hyprstream::text {
namespace {

std::string KindOf(const std::string& source, const Value& variables = Value::Object({})) {
  return testing::RenderVariables(source, variables).kind;
}

std::string Times(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(TemplateLimits, WorkIsCountedInBytesAndNotOnlyInSteps) {
  const std::vector<std::string> sources = {
      "{% set ns = namespace(s='ab') %}{% for i in range(99999) %}{% set ns.s = (ns.s + "
      "ns.s)[:400000] %}"
      "{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor "
      "%}",
      "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ s.upper() | length }}{% endfor %}",
      "{% set s = 'a' * 400000 %}{% set t = 'a' * 200000 + 'b' %}{% for i in range(9999) %}"
      "{{ s.count(t) }}{{ s.rfind(t) }}{% endfor %}",
      "{% set l = range(100000) | list %}{% for i in range(99999) %}{{ l == l[::1] }}{% endfor %}",
      "{% set l = range(100000) | list %}{% for i in range(999) %}{% if -1 in l %}{% endif %}{% "
      "endfor %}",
      "{{ range(100000) | map('string') | unique | list | length }}",
      "{% set n = 9 ** 4000 %}{% for i in range(99999) %}{% set m = n * n // n %}{% endfor %}",
      "{% for i in range(99999) %}{{ 'x' | center(3000) | length }}{% endfor %}",
      "{% set s = ' ' * 900000 + 'x' %}{% for i in range(9999) %}{% set t = s.strip() %}{% endfor "
      "%}",
      "{% set s = 'a ' * 100000 %}{% for i in range(9999) %}{% set t = s.split() %}{% endfor %}",
  };
  for (const std::string& source : sources) EXPECT_EQ(KindOf(source), "limit") << source;
}

TEST(TemplateLimits, MemoryIsCountedWhileItIsHeld) {
  const std::vector<std::string> sources = {
      "{{ 'a' * 40000000 }}",
      "{{ ([0] * 2000000) | length }}",
      "{{ 'a' | center(99999999) }}",
      "{{ '%99999999d' % 1 }}",
      "{{ '{:>99999999}'.format(1) }}",
      "{{ '{:.99999999f}'.format(1.0) }}",
      "{{ 'a'.ljust(99999999999999999999999) }}",
      "{{ ('a' * 4000000) | list | length }}",
      "{{ ('a,' * 4000000).split(',') | length }}",
      "{{ 'a' | indent(99999999, true) }}",
      "{{ 'a\tb'.expandtabs(99999999) }}",
      "{{ 'aaaa'.replace('a', 'b' * 20000000) }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = ns.l + ['x' * 4000] "
      "%}"
      "{% endfor %}",
      "{{ [1] | batch(99999999, 0) | list }}",
      "{{ [1] | slice(99999999) | list }}",
      "{{ {'a': 1} | tojson(indent=99999999) }}",
      "{{ 2 ** 99999 }}",
      "{{ 10 ** 400 * 1.0 }}",
      "{{ 10 ** 4000 / 3 }}",
      "{{ (10 ** 400) | float }}",
  };
  for (const std::string& source : sources) EXPECT_EQ(KindOf(source), "limit") << source;
}

TEST(TemplateLimits, MemoryThatWasLetGoCountsNoMore) {
  EXPECT_EQ(testing::Print("{% for i in range(20) %}{% set s = 'a' * 2500000 %}{% endfor %}ok"),
            "ok");
}

TEST(TemplateLimits, SharedAndNestedValuesCannotExplode) {
  const std::string doubled =
      "{% set ns = namespace(l=[1], t=(1,)) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
      "{% set ns.t = (ns.t, ns.t) %}{% endfor %}";
  for (const char* use :
       {"{{ ns.l }}", "{{ ns.l | tojson }}", "{{ ns.l | pprint }}", "{{ ns.l == ns.l[:] }}",
        "{{ {ns.t: 1} | length }}", "{{ [ns.t, ns.t] | sort }}", "{{ ns.l | string | length }}"}) {
    EXPECT_EQ(KindOf(doubled + use), "limit") << use;
  }
  EXPECT_EQ(
      KindOf("{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}"
             "{% endfor %}"),
      "limit");
  EXPECT_EQ(KindOf("{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}"
                   "{% set ns.l = ns.l | map('string') %}{% endfor %}"),
            "limit");
  EXPECT_EQ(KindOf("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}"), "limit");
}

TEST(TemplateLimits, ChainsOfNamespacesAndMacrosAreFreed) {
  EXPECT_EQ(testing::Print("{% set ns = namespace(a=none) %}{% for i in range(50000) %}"
                           "{% set ns = namespace(a=ns) %}{% set ns.a = namespace(a=ns.a, b=ns) %}"
                           "{% endfor %}ok"),
            "ok");
  EXPECT_EQ(testing::Print("{% set ns = namespace(f=none) %}{% for i in range(2000) %}"
                           "{% macro f() %}{{ i }}{% endmacro %}{% set ns.f = f %}{% endfor %}"
                           "{{ ns.f() }}"),
            "1999");
  EXPECT_EQ(testing::Print("{% set ns = namespace(c=none, l=none) %}{% for i in [1, 2] %}"
                           "{% set ns.c = loop.cycle %}{% set ns.l = loop %}{% endfor %}"
                           "{{ ns.c('a', 'b') }}{{ ns.l.previtem }}{{ ns.l.last }}"),
            "bFalse");
}

TEST(TemplateLimits, DeepSourceIsRefusedWhenItIsCompiled) {
  const std::vector<std::string> sources = {
      "{{ " + Times("(", 50000) + "1" + Times(")", 50000) + " }}",
      "{{ " + Times("[", 50000) + " }}",
      "{{ " + Times("-", 50000) + "1 }}",
      "{{ " + Times("not ", 50000) + "1 }}",
      "{{ " + Times("{'a':", 50000) + " }}",
      "{{ a" + Times(".a", 50000) + " }}",
      "{{ a" + Times("[a", 50000) + " }}",
      "{{ a" + Times("|upper", 50000) + " }}",
      "{{ a" + Times("(a", 50000) + " }}",
      "{{ 1" + Times(" + 1", 50000) + " }}",
      "{{ 1" + Times(" and 1", 50000) + " }}",
      "{{ 1" + Times(" ** 1", 50000) + " }}",
      "{{ 1" + Times(" if 1 else 1", 50000) + " }}",
      "{{ 1" + Times(" if 1", 50000) + " }}",
      "{{ a is " + Times("eq a is ", 50000) + " }}",
      Times("{% if 1 %}", 50000),
      Times("{% for a in b %}", 50000),
      Times("{% macro a() %}", 50000),
      Times("{% set a %}", 50000),
      "{% for " + Times("(", 50000) + " %}",
      Times("{{1}}", 200000),
  };
  for (const std::string& source : sources) {
    const std::string kind = KindOf(source);
    EXPECT_TRUE(kind == "limit" || kind == "syntax") << source.substr(0, 40) << " " << kind;
  }
}

TEST(TemplateLimits, EveryLimitIsTheCallersToSet) {
  const auto kind = [](std::string_view source, const TemplateLimits& limits) -> std::string {
    try {
      ChatTemplate::Compile(source, limits).RenderVariables(Value());
      return "text";
    } catch (const TemplateError& error) {
      return std::string(TemplateErrorKindName(error.kind()));
    }
  };
  EXPECT_EQ(kind("12345678", {.source_bytes = 8}), "text");
  EXPECT_EQ(kind("123456789", {.source_bytes = 8}), "limit");
  EXPECT_EQ(kind("12345678", {.output_bytes = 8}), "text");
  EXPECT_EQ(kind("123456789", {.output_bytes = 8}), "limit");
  EXPECT_EQ(kind("{{ 'a' * 4000 }}", {.memory_bytes = 1u << 16}), "text");
  EXPECT_EQ(kind("{{ 'a' * 70000 }}", {.memory_bytes = 1u << 16}), "limit");
  EXPECT_EQ(kind("{% for i in range(9000) %}{% endfor %}", {.steps = 100'000}), "text");
  EXPECT_EQ(kind("{% for i in range(9000) %}{% endfor %}", {.steps = 9'000}), "limit");
  EXPECT_EQ(kind("{% for i in range(90000) %}{% endfor %}", {.time = std::chrono::milliseconds(0)}),
            "limit");
  EXPECT_EQ(kind("{{ [[[[1]]]] }}", {.depth = 12}), "text");
  EXPECT_EQ(kind("{{ [[[[[[[[[[[1]]]]]]]]]]] }}", {.depth = 12}), "limit");
}

TEST(TemplateLimits, AnErrorNamesTheLine) {
  const auto where = [](std::string_view source) -> std::string {
    try {
      ChatTemplate::Compile(source).RenderVariables(Value());
    } catch (const TemplateError& error) {
      return error.detail().where;
    }
    return "";
  };
  EXPECT_EQ(where("a\nb\n{{ x.y }}"), "line 3");
  EXPECT_EQ(where("a\n{% if %}"), "line 2");
  EXPECT_EQ(where("{# \n\n #}\n{{ 'a' + 1 }}"), "line 4");
}

}  // namespace
}  // namespace hyprstream::text
