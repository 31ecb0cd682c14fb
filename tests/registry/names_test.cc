#include "registry/names.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>

#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::CodeOf;

bool IsFilePath(std::string_view path) {
  try {
    CheckFilePath(path);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return false;
  }
}

TEST(Names, PathsOfModelsAreAccepted) {
  for (const char* path : {"config.json", ".gitattributes", "onnx/model.onnx", "a/b/c d.txt",
                           "modèle.gguf", "model-00001-of-00002.safetensors", "..a", "a..b"}) {
    EXPECT_TRUE(IsFilePath(path)) << path;
  }
}

TEST(Names, PathsThatLeadAwayAreRefused) {
  const std::string deep = "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a";
  for (const std::string& path : {std::string(),
                                  std::string("/etc/passwd"),
                                  std::string("../x"),
                                  std::string("a/../../x"),
                                  std::string("a/.."),
                                  std::string("."),
                                  std::string("a/./b"),
                                  std::string("a//b"),
                                  std::string("a/"),
                                  std::string("a\\..\\b"),
                                  std::string("C:/x"),
                                  std::string("c:x"),
                                  std::string("a\nb"),
                                  std::string("a\0b", 3),
                                  std::string("\x1b[2J"),
                                  std::string("a\x7f"),
                                  std::string("\xff"),
                                  std::string("\xc0\xaf"),
                                  std::string("\xed\xa0\x80"),
                                  std::string(256, 'a'),
                                  deep,
                                  std::string(1025, 'a')}) {
    EXPECT_FALSE(IsFilePath(path)) << Shown(path);
  }
}

TEST(Names, PartsOfAKeyAreNarrow) {
  CheckModelKey({"hf", "Qwen", "Qwen3-0.6B", "main"});
  CheckModelKey({"hf", "", "gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e"});
  CheckModelKey({"ollama", "library", "qwen3", "0.6b"});
  for (const char* bad : {"..", ".x", "-x", "a/b", "a b", "a:b", "é", "a..b", "a\n", "~"}) {
    EXPECT_EQ(CodeOf([&] {
                CheckModelKey({"hf", "org", "name", bad});
              }),
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf([&] {
                CheckModelKey({"hf", bad, "name", "r"});
              }),
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf([&] { CheckModelKey({"hf", "org", bad, "r"}); }), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf([&] {
                CheckModelKey({bad, "org", "name", "r"});
              }),
              ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(CodeOf([&] { CheckModelKey({"hf", "org", "name", ""}); }), ErrorCode::kInvalidArgument);
}

TEST(Names, WhatIsShownOfAHostileNameCannotDriveATerminal) {
  EXPECT_EQ(Shown("a\x1b[2Jb\xff"), "a?[2Jb?");
  EXPECT_LT(Shown(std::string(5000, 'x')).size(), 300u);
}

// Pieces that hostile names are made of, more often than chance would have it.
rc::Gen<std::string> Hostile() {
  const auto piece = rc::gen::oneOf(
      rc::gen::element<std::string>("..", "/", "\\", ".", "a", "C:", "~", "%2e%2e", "…", " "),
      rc::gen::map(rc::gen::arbitrary<char>(), [](char c) { return std::string(1, c); }));
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const std::string& p : pieces) text += p;
                        return text;
                      });
}

RC_GTEST_PROP(Names, NoAcceptedPathLeavesItsFolder, ()) {
  const std::string path = *Hostile();
  if (!IsFilePath(path)) return;
  const std::filesystem::path joined = std::filesystem::path("/root/model") / path;
  RC_ASSERT(joined.lexically_normal() == joined);
  RC_ASSERT(joined.string().starts_with("/root/model/"));
  RC_ASSERT(joined.string() == "/root/model/" + path);
}

RC_GTEST_PROP(Names, NoAcceptedKeyLeavesTheStore, ()) {
  const ModelKey key{"hf", *Hostile(), *Hostile(), *Hostile()};
  try {
    CheckModelKey(key);
  } catch (const Error&) {
    return;
  }
  const std::filesystem::path folder(FolderOf(key));
  RC_ASSERT(folder.is_relative());
  RC_ASSERT(folder.lexically_normal() == folder);
  RC_ASSERT(std::distance(folder.begin(), folder.end()) == 4);
}

}  // namespace
}  // namespace hyprstream::registry
