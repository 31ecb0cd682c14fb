#include "registry/retry.h"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpHeaders Asking(const std::string& value) { return {.fields = {{"retry-after", value}}}; }

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(RetryAfter(Asking("7")), seconds(7));
  EXPECT_EQ(RetryAfter(Asking("-7")), seconds(0));
  EXPECT_FALSE(RetryAfter(Asking("soon")));
  EXPECT_FALSE(RetryAfter({}));
  EXPECT_EQ(RetryAfter(Asking("Wed, 21 Oct 2015 07:28:00 GMT")), seconds(0));
  const std::time_t then = std::time(nullptr) + 1000;
  char date[64];
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&then));
  const auto pause = RetryAfter(Asking(date));
  ASSERT_TRUE(pause);
  EXPECT_LE(*pause, seconds(1000));
  EXPECT_GT(*pause, seconds(500));
}

TEST(IsTransient, TellsBusyFromWrong) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(IsTransient(status));
  for (const int status : {200, 301, 400, 401, 403, 404, 416, 501, 505}) {
    EXPECT_FALSE(IsTransient(status)) << status;
  }
}

TEST(Retries, EndAfterAttemptsWithoutProgress) {
  Retries retries({.attempts = 3, .first_pause = milliseconds(0)});
  EXPECT_TRUE(retries.Wait());
  EXPECT_TRUE(retries.Wait());
  retries.Progressed();
  EXPECT_TRUE(retries.Wait());
  EXPECT_TRUE(retries.Wait());
  EXPECT_FALSE(retries.Wait());
}

TEST(Retries, DoNotWaitForWhoAsksForTooMuch) {
  Retries retries({.longest_asked = seconds(10)});
  EXPECT_FALSE(retries.Wait(seconds(11)));
}

TEST(Retries, EndWhenTheyAreStopped) {
  std::stop_source stop;
  Retries retries({.first_pause = milliseconds(600'000), .longest_pause = milliseconds(600'000)},
                  stop.get_token());
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_THROW(retries.Wait(), Error);
}

}  // namespace
}  // namespace hyprstream::registry
