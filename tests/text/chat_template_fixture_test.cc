// The golden renderings of tests/data/fixtures/chat-templates, and its hostile templates under a
// guard on time and memory.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <vector>

#include "chat_template_fixtures.h"
#include "text/chat_template.h"

namespace hyprstream::text {
namespace {

using testing::Attempt;
using testing::ReadFixtureLines;
using testing::TemplateSource;

std::string Show(const Attempt& attempt) {
  return attempt.kind.empty() ? "text " + attempt.prompt.text
                              : attempt.kind + " error: " + attempt.message;
}

// Empty when the attempt is what the fixture expects.
std::string Difference(const Value& fixture, const Attempt& attempt) {
  const Value& expect = *fixture.Find("expect");
  if (const Value* text = expect.Find("text")) {
    if (attempt.kind.empty() && attempt.prompt.text == text->as_string()) return "";
    return "expected text " + text->as_string() + "\ngot " + Show(attempt);
  }
  const Value& error = *expect.Find("error");
  const std::string& kind = error.Find("kind")->as_string();
  const std::string& message = error.Find("message")->as_string();
  if (attempt.kind == kind && (kind != "raised" || attempt.message == message)) return "";
  return "expected " + kind + " error: " + message + "\ngot " + Show(attempt);
}

TEST(ChatTemplateFixtures, EveryProbeRendersAsTheReferenceDoes) {
  size_t count = 0;
  for (const Value& probe : ReadFixtureLines("probes.jsonl")) {
    const Attempt attempt =
        testing::RenderVariables(probe.Find("source")->as_string(), *probe.Find("vars"));
    EXPECT_EQ(Difference(probe, attempt), "") << probe.Find("id")->as_string() << "\n"
                                              << probe.Find("source")->as_string();
    ++count;
  }
  EXPECT_EQ(count, 132u);
}

TEST(ChatTemplateFixtures, EveryCaseRendersAsTheReferenceDoes) {
  size_t count = 0;
  for (const Value& fixture : ReadFixtureLines("cases.jsonl")) {
    if (testing::IsHostile(fixture)) continue;
    EXPECT_EQ(Difference(fixture, testing::RenderCase(fixture)), "")
        << fixture.Find("id")->as_string();
    ++count;
  }
  EXPECT_EQ(count, 245u);
}

// Cases that are big or exotic: refusing them is as good as rendering them.
bool MayBeRefused(const std::string& id) {
  for (const char* name : {"long-concat", "range-at-limit", "pprint", "xmlattr", "random-filter",
                           "macro-code", "self-context", "namespace-init", "namespace-cycle"}) {
    if (id == std::string("hostile/") + name) return true;
  }
  return id.ends_with("-class");
}

bool PassesHostileRule(const Value& fixture, const Attempt& attempt) {
  if (Difference(fixture, attempt).empty()) return true;
  const bool expects_error = fixture.Find("expect")->Find("error") != nullptr;
  if (expects_error) return !attempt.kind.empty();
  return (attempt.kind == "limit" || attempt.kind == "syntax") &&
         MayBeRefused(fixture.Find("id")->as_string());
}

uint64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

TEST(ChatTemplateFixtures, HostileTemplatesEndSoonAndSmall) {
  const std::vector<Value> fixtures = ReadFixtureLines("cases.jsonl");
  size_t count = 0;
  for (const Value& fixture : fixtures) {
    if (!testing::IsHostile(fixture)) continue;
    const std::string& id = fixture.Find("id")->as_string();
    const uint64_t before = PeakBytes();
    const auto start = std::chrono::steady_clock::now();
    const Attempt attempt = testing::RenderCase(fixture, TemplateLimits{});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_TRUE(PassesHostileRule(fixture, attempt)) << id << "\n" << Difference(fixture, attempt);
    if (!testing::kSanitized) {
      EXPECT_LT(took.count(), 1.0) << id;
      EXPECT_LT(PeakBytes() - before, uint64_t{64} << 20) << id;
    }
    EXPECT_LE(attempt.prompt.text.size(), size_t{4} << 20) << id;
    ++count;
  }
  EXPECT_EQ(count, 92u);
}

}  // namespace
}  // namespace hyprstream::text
