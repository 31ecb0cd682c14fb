// What a client is told about quotas.
#include "server/http/quota_http.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

namespace hyprstream::server {
namespace {

using namespace std::chrono_literals;

engine::GenerationRequest Request(int64_t prompt, int32_t max_tokens) {
  return {.prompt = std::vector<int32_t>(static_cast<size_t>(prompt)), .max_tokens = max_tokens};
}

std::string Value(const Headers& headers, std::string_view name) {
  const auto found = std::ranges::find(headers, name, &Headers::value_type::first);
  return found == headers.end() ? "none" : found->second;
}

std::string Reset(std::chrono::nanoseconds time) {
  return Value(QuotaHeaders({{.kind = QuotaKind::kTokens, .reset = time}}),
               "x-ratelimit-reset-tokens");
}

TEST(QuotaHttpTest, APromptCountsOnceAndAnswersAsLongAsTheyMayBe) {
  EXPECT_EQ(MostTokens(std::vector{Request(10, 5)}, 1, 100), 15);
  EXPECT_EQ(MostTokens(std::vector(6, Request(10, 5)), 3, 100), 2 * 10 + 6 * 5);
  EXPECT_EQ(MostTokens(std::vector{Request(10, 1'000'000)}, 1, 100), 100) << "the context ends it";
  EXPECT_EQ(MostTokens(std::vector{Request(120, 5)}, 1, 100), 120) << "refused by the engine";
  EXPECT_EQ(MostTokens(std::vector{Request(10, 0)}, 1, 100), 10);
}

TEST(QuotaHttpTest, TellsTimesAsGoWritesThem) {
  EXPECT_EQ(Reset(0s), "0s");
  EXPECT_EQ(Reset(59s), "59s");
  EXPECT_EQ(Reset(1'000'001ns), "0.002s") << "never too short";
  EXPECT_EQ(Reset(60s), "1m0s");
  EXPECT_EQ(Reset(6min + 1500ms), "6m1.500s");
  EXPECT_EQ(Reset(23h + 59min + 59s), "23h59m59s");
}

TEST(QuotaHttpTest, ARefusalHasTheFormOfEachDialect) {
  const QuotaExceeded refusal("too much", QuotaKind::kTokens, 12'001ms,
                              {{QuotaKind::kTokens, 100, 7, 30s}});
  const Reply openai = QuotaReply(refusal, Dialect::kOpenAi);
  EXPECT_EQ(openai.status, 429);
  EXPECT_EQ(openai.body, R"({"error":{"message":"too much","type":"tokens","param":null,)"
                         R"("code":"rate_limit_exceeded"}})");
  EXPECT_EQ(Value(openai.headers, "Retry-After"), "13");
  EXPECT_EQ(Value(openai.headers, "x-should-retry"), "none");
  EXPECT_EQ(Value(openai.headers, "x-ratelimit-limit-tokens"), "100");
  EXPECT_EQ(Value(openai.headers, "x-ratelimit-remaining-tokens"), "7");
  EXPECT_EQ(Value(openai.headers, "x-ratelimit-reset-tokens"), "30s");
  EXPECT_EQ(QuotaReply(refusal, Dialect::kOllama).body, R"({"error":"too much"})");
}

TEST(QuotaHttpTest, NobodyIsToldToComeBackForWhatIsNeverAdmitted) {
  const Reply reply = QuotaReply(QuotaExceeded("too much", QuotaKind::kSamples, std::nullopt, {}),
                                 Dialect::kOpenAi);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(Value(reply.headers, "Retry-After"), "none");
  EXPECT_EQ(Value(reply.headers, "x-should-retry"), "false");
}

}  // namespace
}  // namespace hyprstream::server
