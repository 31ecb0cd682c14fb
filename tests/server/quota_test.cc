#include "server/quota.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hyprstream::server {
namespace {

std::optional<int64_t> Of(const QuotaLimits& limits, std::string_view word) {
  for (size_t i = 0; i < kQuotaWords.size(); ++i) {
    if (kQuotaWords[i].name == word) return limits.most[i];
  }
  return std::nullopt;
}

TEST(QuotaTest, ReadsLimitsAsWords) {
  QuotaLimits limits;
  EXPECT_FALSE(limits.any());
  for (const char* word : {"rpm=60", "tpm=20k", "tpd=2M", "spd=0", "parallel=4"}) {
    EXPECT_TRUE(ReadQuotaWord(word, limits)) << word;
  }
  EXPECT_EQ(Of(limits, "rpm"), 60);
  EXPECT_EQ(Of(limits, "tpm"), 20'000);
  EXPECT_EQ(Of(limits, "tpd"), 2'000'000);
  EXPECT_EQ(Of(limits, "spd"), 0);
  EXPECT_EQ(Of(limits, "parallel"), 4);
  EXPECT_EQ(Of(limits, "rpd"), std::nullopt);
  for (const char* word : {"name=tom", "rpm", "=5", "RPM=5"}) {
    EXPECT_FALSE(ReadQuotaWord(word, limits)) << word;
  }
}

TEST(QuotaTest, RefusesValuesThatAreNoWholeNumbers) {
  for (const char* word : {"rpm=", "rpm=-1", "rpm=1.5", "rpm=k", "rpm=1K", "rpm= 1", "rpm=many",
                           "tpd=99999999999999999999", "tpd=9999999999M"}) {
    QuotaLimits limits;
    EXPECT_THROW(ReadQuotaWord(word, limits), Error) << word;
  }
  QuotaLimits limits;
  ReadQuotaWord("rpm=1", limits);
  EXPECT_THROW(ReadQuotaWord("rpm=1", limits), Error);
}

TEST(QuotaTest, ReadsAdaptersLimits) {
  AdapterQuotas quotas;
  ReadAdapterQuotas("# limits\n\n* rpm=60\n tone  tpm=1k spd=5\n", "quota.adapters", quotas);
  ReadAdapterQuotas("tone tpm=7", "--adapter-limit", quotas);
  EXPECT_EQ(Of(quotas.otherwise, "rpm"), 60);
  ASSERT_EQ(quotas.named.size(), 1u);
  EXPECT_EQ(Of(quotas.named.at("tone"), "tpm"), 7);
  EXPECT_EQ(Of(quotas.named.at("tone"), "spd"), std::nullopt) << "replaced as a whole";
}

TEST(QuotaTest, NamesTheLineOfAWrongLimitOfAnAdapter) {
  for (const char* text :
       {"\ntone", "\nrpm=5 tone", "\ntone rpm=x", "\ntone rmp=5", "tone rpm=1\ntone rpm=2"}) {
    AdapterQuotas quotas;
    try {
      ReadAdapterQuotas(text, "--adapter-limit", quotas);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.detail().where, "--adapter-limit, line 2") << text;
    }
  }
}

}  // namespace
}  // namespace hyprstream::server
