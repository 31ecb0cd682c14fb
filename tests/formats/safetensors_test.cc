// safetensors: every rule of the format one by one, what is written is read back, large files cost
// nothing.
#include "formats/safetensors.h"

#include <fcntl.h>
#include <rapidcheck.h>

#include <algorithm>

#include "formats/safetensors_header.h"
#include "support.h"

namespace hyprstream::formats {
namespace {

using testing::ErrorOf;
using testing::ReadAll;
using testing::SafetensorsBytes;
using testing::TemporaryFolder;
using testing::WriteAll;

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

SafetensorsHeader Parse(std::string_view header, size_t data_bytes) {
  return ReadSafetensorsHeader(Bytes(SafetensorsBytes(header, std::string(data_bytes, '\0'))));
}

void ExpectRefused(std::string_view header, size_t data_bytes, std::string_view part) {
  const auto error = ErrorOf([&] { Parse(header, data_bytes); });
  ASSERT_TRUE(error) << header;
  EXPECT_NE(std::string_view(error->what()).find(part), std::string_view::npos) << error->what();
}

TEST(SafetensorsHeader, KnowsEveryTypeOfTheFormat) {
  for (const char* name :
       {"BOOL",    "F4",          "F6_E2M3",     "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
        "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",     "U16", "F16", "BF16",    "I32",
        "U32",     "F32",         "C64",         "F64",     "I64", "U64"}) {
    const auto type = SafetensorsDType(name);
    ASSERT_TRUE(type) << name;
    const int bytes = 8 * Info(*type).block_bits / 8;
    const std::string header = R"({"a":{"dtype":")" + std::string(name) +
                               R"(","shape":[8],"data_offsets":[0,)" + std::to_string(bytes) +
                               "]}}";
    EXPECT_EQ(Parse(header, static_cast<size_t>(bytes)).entries[0].dtype, *type);
  }
  EXPECT_FALSE(SafetensorsDType("Q4_0"));
}

TEST(SafetensorsHeader, ScalarsEmptyTensorsAndMetadata) {
  const auto header = Parse(
      R"({"__metadata__":{"format":"pt","x":""},"e":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},)"
      R"("s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )",
      4);
  EXPECT_EQ(header.metadata.at("format"), "pt");
  ASSERT_EQ(header.entries.size(), 2u);
  EXPECT_EQ(header.entries[0].name, "s");
  EXPECT_EQ(header.entries[0].shape.rank(), 0);
  EXPECT_TRUE(Parse("{}", 0).entries.empty());
}

TEST(SafetensorsHeader, WhatTheFixturesDoNotCover) {
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4,
                "unknown field");
  ExpectRefused(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
                "repeats the key");
  ExpectRefused(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1, "whole bytes");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
                "dimensions");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[4611686018427387904,8,0],"data_offsets":[0,0]}})",
                0, "impossible shape");
  ExpectRefused(R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "empty name");
  ExpectRefused(R"({"a":[]})", 0, "an array");
  ExpectRefused(R"({"a":null})", 0, "null");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "an array");
  ExpectRefused(R"({"__metadata__":{"a":{}}})", 0, "an object");
  ExpectRefused(R"({"__metadata__":{},"__metadata__":{}})", 0, "repeats the key");
}

TEST(SafetensorsFile, ErrorsNameTheFile) {
  TemporaryFolder folder;
  WriteAll(folder / "x.safetensors", "short");
  const auto error = ErrorOf([&] { SafetensorsFile::Open(folder / "x.safetensors"); });
  EXPECT_TRUE(error->detail().where.starts_with((folder / "x.safetensors").string()));
}

TEST(WriteSafetensors, IsReadBackAsItWas) {
  TemporaryFolder folder;
  rc::check([&] {
    const auto texts = *rc::gen::unique<std::vector<std::string>>(
        rc::gen::nonEmpty(rc::gen::string<std::string>()));
    std::vector<std::vector<std::byte>> bytes;
    std::vector<NamedTensor> tensors;
    const DType types[] = {DType::kF32, DType::kBF16, DType::kU8, DType::kI64, DType::kF8E4M3};
    for (const std::string& raw : texts) {
      std::string name = "n";
      for (const char c : raw) name += static_cast<char>('!' + static_cast<uint8_t>(c) % 90);
      if (std::ranges::find(tensors, name, &NamedTensor::name) != tensors.end()) continue;
      const DType type =
          *rc::gen::elementOf(std::vector<DType>(std::begin(types), std::end(types)));
      const Shape shape{*rc::gen::inRange<int64_t>(0, 5), *rc::gen::inRange<int64_t>(1, 4)};
      bytes.emplace_back(*RowBytes(type, static_cast<uint64_t>(shape.elements())));
      for (std::byte& byte : bytes.back())
        byte = static_cast<std::byte>(*rc::gen::arbitrary<uint8_t>());
      tensors.push_back({name, {type, shape, {}}});
    }
    for (size_t i = 0; i < tensors.size(); ++i) tensors[i].view.bytes = bytes[i];
    WriteSafetensors(folder / "f", tensors, {{"format", "pt"}, {"quote\"", "back\\slash\n"}});
    const auto file = SafetensorsFile::Open(folder / "f");
    RC_ASSERT(file->tensors().size() == tensors.size());
    RC_ASSERT(file->metadata().at("quote\"") == "back\\slash\n");
    for (const NamedTensor& tensor : tensors) {
      const NamedTensor* read = file->Find(tensor.name);
      RC_ASSERT(read != nullptr);
      RC_ASSERT(read->view.dtype == tensor.view.dtype);
      RC_ASSERT(read->view.shape == tensor.view.shape);
      RC_ASSERT(std::ranges::equal(read->view.bytes, tensor.view.bytes));
      const auto offset =
          static_cast<uint64_t>(read->view.bytes.data() - file->file().bytes().data());
      RC_ASSERT(offset % std::min<uint64_t>(8, *RowBytes(tensor.view.dtype, 1)) == 0);
    }
  });
}

TEST(WriteSafetensors, RefusesTypesThatTheFormatLacksAndWritesNothing) {
  TemporaryFolder folder;
  const std::vector<std::byte> block(18);
  const NamedTensor tensor{"a", {DType::kQ4_0, {1, 32}, block}};
  const auto error = ErrorOf([&] { WriteSafetensors(folder / "f", std::span(&tensor, 1)); });
  EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsFile, AGigabyteOpensWithoutBeingRead) {
  TemporaryFolder folder;
  constexpr uint64_t kBytes = uint64_t{1} << 30;
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[16384,16384],"data_offsets":[0,1073741824]}})";
  WriteAll(folder / "big", SafetensorsBytes(header, ""));
  std::filesystem::resize_file(folder / "big", 8 + header.size() + kBytes);
  const uint64_t before = testing::ResidentBytes();
  const auto file = SafetensorsFile::Open(folder / "big");
  EXPECT_EQ(file->tensors()[0].view.bytes.size(), kBytes);
  EXPECT_EQ(file->tensors()[0].view.bytes[kBytes - 1], std::byte{0});
  EXPECT_LT(testing::ResidentBytes(), before + (50 << 20));
}

TEST(SafetensorsHeader, ALargeHonestHeaderIsReadQuicklyEnough) {
  std::string header = "{";
  for (int i = 0; i < 20'000; ++i) {
    header += (i > 0 ? "," : "") + ("\"t" + std::to_string(i)) +
              R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
              std::to_string(i + 1) + "]}";
  }
  EXPECT_EQ(Parse(header + "}", 20'000).entries.size(), 20'000u);
}

}  // namespace
}  // namespace hyprstream::formats
