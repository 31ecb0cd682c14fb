#include "registry/ssh_key.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "base/hash.h"
#include "registry/base64.h"
#include "registry/ollama_account.h"

namespace hyprstream::registry {
namespace {

// The key of RFC 8032, 7.1, tests 1, written by Python's cryptography in OpenSSH's form.
constexpr char kKey[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUx\n"
    "OQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGgAAAIiLR33qi0d96gAAAAtzc2gt\n"
    "ZWQyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGgAAAECdYbGd7/1aYLqE\n"
    "SvSS7CzEREnFaXsyaRlwO6wDHK5/YNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1EaAAAA\n"
    "AAECAwQF\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

std::string Hex(const std::string& bytes) {
  return ToHex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

TEST(SshKey, SignsAsTheStandardSays) {
  const SshKey key = SshKey::Parse(kKey, "key");
  EXPECT_EQ(Hex(key.Sign("")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
            "39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_EQ(Hex(key.Sign("\x72")),
            "1b79abc415a34efe5915b4c1b53d2435e731b3c92d0ba440de29cab2999fa885bd0eb3c71dfd8df6fbec"
            "f8c0ef403e8902dec8e2abd00ab9b04b1df027929609");
}

TEST(SshKey, ShowsItsPublicHalfAsOpenSshDoes) {
  EXPECT_EQ(SshKey::Parse(kKey, "key").PublicText(),
            "AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea");
}

/// What is said to have been found.
std::string Refusal(const std::string& text) {
  try {
    SshKey::Parse(text, "here");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnauthenticated);
    EXPECT_EQ(error.detail().where, "here");
    return error.detail().found;
  }
  return "nothing wrong";
}

/// The key with something else in its bytes.
std::string Changed(const std::function<void(std::string&)>& change) {
  const std::string text = kKey;
  const size_t begin = text.find('\n'), end = text.find("\n-----END");
  std::string bytes = *FromBase64(text.substr(begin, end - begin));
  change(bytes);
  return text.substr(0, begin + 1) + Base64(bytes) + text.substr(end);
}

TEST(SshKey, WhatCannotSignIsRefused) {
  EXPECT_EQ(Refusal(""), "something else");
  EXPECT_EQ(Refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "something else");
  EXPECT_EQ(Refusal("-----END OPENSSH PRIVATE KEY-----\n-----BEGIN OPENSSH PRIVATE KEY-----\n"),
            "something else");
  EXPECT_EQ(Refusal(Changed([](std::string& bytes) { bytes.replace(19, 4, "aes!"); })),
            "an encrypted key");
  EXPECT_EQ(Refusal(Changed([](std::string& bytes) { bytes[bytes.rfind("ssh-ed25519")] = 'x'; })),
            "a key of another kind");
}

TEST(SshKey, NoDamageIsTakenForAKeyOrReadPastTheEnd) {
  const std::string whole = Changed([](std::string&) {});
  ASSERT_EQ(Refusal(whole), "nothing wrong");
  size_t size = 0;
  Changed([&](std::string& bytes) { size = bytes.size(); });
  // Cut anywhere before the end of the secret.
  for (size_t left = 0; left + 9 < size; ++left) {
    EXPECT_NE(Refusal(Changed([&](std::string& bytes) { bytes.resize(left); })), "nothing wrong");
  }
  // Any byte of lengths and of the secret.
  for (size_t at = 0; at + 9 < size; ++at) {
    Refusal(Changed([&](std::string& bytes) { bytes[at] = static_cast<char>(0xff); }));
  }
  EXPECT_EQ(Refusal(Changed([&](std::string& bytes) { bytes[size - 80] ^= 1; })), "a damaged key");
}

TEST(OllamaChallenge, NamesWhereATokenIsToBeHad) {
  const auto challenge = ParseChallenge(
      "Bearer realm=\"https://r.example/token\",service=\"r.example\","
      "scope=\"repository:me/m:pull repository:me/m:push\"");
  ASSERT_TRUE(challenge);
  EXPECT_EQ(challenge->realm, "https://r.example/token");
  EXPECT_EQ(challenge->service, "r.example");
  EXPECT_EQ(challenge->scope, "repository:me/m:pull repository:me/m:push");
  EXPECT_EQ(ParseChallenge("Bearer xrealm=\"a\", realm=\"b\"")->realm, "b");
  for (const char* none : {"", "Basic realm=\"x\"", "Bearer", "Bearer service=\"x\"",
                           "Bearer realm=\"unended", "Bearer realm=\"\""}) {
    EXPECT_FALSE(ParseChallenge(none)) << none;
  }
}

TEST(Base64, ComesBack) {
  for (const std::string text : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"}) {
    EXPECT_EQ(FromBase64(Base64(text)), text);
  }
  EXPECT_EQ(Base64Url("\xff\xfe\xfd\xfc"), "__79_A");
  for (const char* bad : {"a", "ab=", "a?==", "====="}) EXPECT_FALSE(FromBase64(bad)) << bad;
}

}  // namespace
}  // namespace hyprstream::registry
