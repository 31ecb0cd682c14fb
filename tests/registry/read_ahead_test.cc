#include "registry/read_ahead.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "../base/folder.h"
#include "base/error.h"
#include "base/hash.h"
#include "registry/content_hash.h"

namespace hyprstream::registry {
namespace {

std::string Noise(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

void Write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(ReadAhead, GivesEveryByteOnceInOrder) {
  const testing::Folder folder;
  // Without a thread and with one; whole blocks and not.
  for (const size_t size : {0u, 1u, 262144u, 262145u, 4194303u, 4194304u, 9437184u, 9437185u}) {
    const std::string bytes = Noise(size);
    Write(folder.path() / "file", bytes);
    ReadAhead file(folder.path() / "file");
    std::string got;
    for (auto part = file.Next(); !part.empty(); part = file.Next()) {
      got.append(reinterpret_cast<const char*>(part.data()), part.size());
    }
    EXPECT_TRUE(got == bytes) << size;
    EXPECT_TRUE(file.Next().empty());
    uint64_t told = 0;
    const ContentHash hash = HashFile(folder.path() / "file", [&](uint64_t more) { told += more; });
    EXPECT_EQ(hash.sha256, Sha256Hex(std::as_bytes(std::span(bytes)))) << size;
    EXPECT_EQ(hash.size, size);
    EXPECT_EQ(told, size);
  }
}

TEST(ReadAhead, MayBeLeftAtAnyPlace) {
  const testing::Folder folder;
  Write(folder.path() / "file", Noise(9 << 20));
  for (int blocks = 0; blocks < 8; ++blocks) {
    ReadAhead file(folder.path() / "file");
    for (int i = 0; i < blocks; ++i) EXPECT_FALSE(file.Next().empty());
  }
}

TEST(ReadAhead, WhatCannotBeReadIsNamed) {
  const testing::Folder folder;
  EXPECT_THROW(ReadAhead(folder.path() / "none"), Error);
  try {
    ReadAhead(folder.path()).Next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_EQ(error.detail().where, folder.path().string());
  }
}

}  // namespace
}  // namespace hyprstream::registry
