// Bytes to requests, requests to routes.
#include "server/http/message.h"

#include <gtest/gtest.h>

#include "server/http/request_parser.h"
#include "server/http/router.h"

namespace hyprstream::server {
namespace {

Request ParseWhole(const std::string& bytes, const MessageLimits& limits = {}) {
  RequestParser parser(limits);
  EXPECT_EQ(parser.Put(bytes), bytes.size());
  EXPECT_TRUE(parser.done());
  return parser.Take();
}

int StatusOfRefusal(const std::string& bytes, const MessageLimits& limits = {}) {
  try {
    RequestParser parser(limits);
    for (size_t at = 0; at < bytes.size() && !parser.done();) {
      const size_t taken = parser.Put(std::string_view(bytes).substr(at));
      if (taken == 0) return 0;
      at += taken;
    }
    if (parser.done()) parser.Take();
  } catch (const BadMessage& bad) {
    return bad.status;
  }
  return 0;
}

TEST(PercentDecode, UndoesEscapesAndRefusesDamagedOnes) {
  EXPECT_EQ(PercentDecode("/v1/a%2Fb%20c"), "/v1/a/b c");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  for (const char* bad : {"%", "%2", "a%2", "%zz", "%00"}) EXPECT_FALSE(PercentDecode(bad)) << bad;
}

TEST(QueryValue, FindsTheFirstOfAName) {
  EXPECT_EQ(QueryValue("after=7&limit=20", "limit"), "20");
  EXPECT_EQ(QueryValue("q=a+b%26c", "q"), "a b&c");
  EXPECT_EQ(QueryValue("flag", "flag"), "");
  EXPECT_FALSE(QueryValue("limits=1", "limit"));
}

TEST(RequestParser, ReadsARequestInAnyPieces) {
  const std::string bytes =
      "POST /v1/x?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    RequestParser parser({});
    std::string waiting;
    for (const std::string& piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
      waiting += piece;
      for (size_t taken = 1; taken > 0 && !waiting.empty() && !parser.done();) {
        taken = parser.Put(waiting);
        waiting.erase(0, taken);
      }
    }
    ASSERT_TRUE(parser.done()) << cut;
    const Request request = parser.Take();
    EXPECT_EQ(request.path, "/v1/x");
    EXPECT_EQ(request.query, "a=b");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(request.Header("x-a"), "1");
  }
}

TEST(RequestParser, LeavesWhatFollowsTheRequest) {
  const std::string first = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
  RequestParser parser({});
  EXPECT_EQ(parser.Put(first + "GET /b"), first.size());
  EXPECT_TRUE(parser.done());
}

TEST(RequestParser, TakesAbsoluteTargets) {
  EXPECT_EQ(ParseWhole("GET http://x:1/a/b?c HTTP/1.1\r\nHost: x\r\n\r\n").path, "/a/b");
  EXPECT_EQ(ParseWhole("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n").path, "/");
}

TEST(RequestParser, ReadsChunkedBodies) {
  const Request request = ParseWhole(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(request.body, "abcde");
}

TEST(RequestParser, RefusesWithTheRightStatus) {
  EXPECT_EQ(StatusOfRefusal("\x16\x03\x01\x02\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfRefusal("GET / HTTP/9.9\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(StatusOfRefusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfRefusal("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfRefusal("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfRefusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
                            {.body_bytes = 10, .header_bytes = 1000}),
            413);
  EXPECT_EQ(StatusOfRefusal("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(200, 'b') + "\r\n\r\n",
                            {.body_bytes = 10, .header_bytes = 100}),
            431);
  // Two lengths are how requests are smuggled past a proxy.
  EXPECT_EQ(StatusOfRefusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(StatusOfRefusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                            "Content-Length: 4\r\n\r\nabcd"),
            400);
}

TEST(RequestParser, LimitsChunkedBodiesToo) {
  EXPECT_EQ(StatusOfRefusal("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "b\r\nhello world\r\n0\r\n\r\n",
                            {.body_bytes = 10, .header_bytes = 1000}),
            413);
}

Router TwoRoutes() {
  Router router;
  router.Add({"GET", "/v1/models/{id...}", Access::kUse, {}});
  router.Add({"GET", "/v1/adapters/{name}/versions", Access::kUse, {}});
  router.Add({"POST", "/v1/adapters/{name}/versions", Access::kTeach, {}});
  router.Add({"GET", "/", Access::kAnyone, {}});
  return router;
}

TEST(Router, FindsSegmentsAndRests) {
  const Router router = TwoRoutes();
  const auto rest = router.Find("GET", "/v1/models/org/name");
  ASSERT_NE(rest.route, nullptr);
  EXPECT_EQ(rest.path.at("id"), "org/name");
  const auto segment = router.Find("POST", "/v1/adapters/tone/versions");
  ASSERT_NE(segment.route, nullptr);
  EXPECT_EQ(segment.path.at("name"), "tone");
  EXPECT_EQ(segment.route->access, Access::kTeach);
  EXPECT_NE(router.Find("GET", "/v1/adapters/tone/versions/").route, nullptr);
  EXPECT_NE(router.Find("GET", "/").route, nullptr);
  EXPECT_EQ(router.Find("GET", "/v1/adapters//versions").route, nullptr);
  EXPECT_EQ(router.Find("GET", "/v1/adapters/a/b/versions").route, nullptr);
}

TEST(Router, TellsWrongPathsFromWrongMethods) {
  const Router router = TwoRoutes();
  EXPECT_EQ(router.Find("GET", "/nowhere").allowed, "");
  EXPECT_EQ(router.Find("DELETE", "/v1/adapters/tone/versions").allowed, "GET, POST");
  EXPECT_NE(router.Find("HEAD", "/v1/models/x").route, nullptr);
}

}  // namespace
}  // namespace hyprstream::server
