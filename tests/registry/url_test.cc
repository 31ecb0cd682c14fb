#include "registry/url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

TEST(Url, EncodesEverythingThatMeansSomething) {
  EXPECT_EQ(PercentEncode("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(PercentEncodePath("a b/c#d?.e~_-"), "a%20b/c%23d%3F.e~_-");
  EXPECT_EQ(PercentEncode("\xc3\xa9"), "%C3%A9");
}

TEST(Url, TellsOriginsApart) {
  EXPECT_EQ(OriginOf("https://Hub.example/a?b"), OriginOf("https://hub.example:443/"));
  EXPECT_NE(OriginOf("http://hub.example/"), OriginOf("https://hub.example/"));
  EXPECT_NE(OriginOf("http://127.0.0.1:80/"), OriginOf("http://127.0.0.1:81/"));
  EXPECT_NE(OriginOf("http://hub.example.evil/"), OriginOf("http://hub.example/"));
  for (const char* bad :
       {"hub.example", "ftp://hub.example/", "file:///etc/passwd", "http://",
        "http://user:word@hub.example/", "http://hub example/", "http://hub.example/\r\nX: y"}) {
    EXPECT_THROW(OriginOf(bad), Error) << bad;
  }
}

TEST(Url, ResolvesAsABrowserDoes) {
  EXPECT_EQ(ResolveUrl("http://h:1/a/b?c", "/d"), "http://h:1/d");
  EXPECT_EQ(ResolveUrl("http://h:1/a/b", "c?d=e"), "http://h:1/a/c?d=e");
  EXPECT_EQ(ResolveUrl("http://h:1/a", "https://other/x"), "https://other/x");
  EXPECT_EQ(ResolveUrl("https://h/a", "//other/x"), "https://other/x");
  EXPECT_THROW(ResolveUrl("http://h/a", "file:///etc/passwd"), Error);
  EXPECT_THROW(ResolveUrl("http://h/a", "gopher://h/"), Error);
  EXPECT_THROW(ResolveUrl("http://h/a", ""), Error);
}

TEST(Url, KnowsWhichLocationsLeadAway) {
  EXPECT_TRUE(IsAbsolute("https://h/x"));
  EXPECT_TRUE(IsAbsolute("//h/x"));
  EXPECT_FALSE(IsAbsolute("/a/b:c"));
  EXPECT_FALSE(IsAbsolute("a?b:c"));
}

TEST(Url, ShowsNoSecret) {
  EXPECT_EQ(ShownUrl("https://s/x?X-Amz-Signature=abc#d"), "https://s/x");
  EXPECT_EQ(ShownUrl("https://user:word@s/x@y"), "https://s/x@y");
  EXPECT_EQ(ShownUrl("http://s/a\x1b[0m"), "http://s/a?[0m");
}

}  // namespace
}  // namespace hyprstream::registry
