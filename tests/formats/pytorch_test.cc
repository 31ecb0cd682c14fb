// Files of torch.save against what PyTorch itself reads from them; broken and hostile ones refused.
#include "formats/pytorch.h"

#include <zlib.h>

#include <algorithm>

#include "formats/any_tensors.h"
#include "formats/pickle.h"
#include "support.h"

namespace hyprstream::formats {
namespace {

using testing::DataPath;
using testing::ErrorOf;
using testing::Raw;
using testing::TemporaryFolder;
using testing::WriteAll;
namespace fs = std::filesystem;

void ExpectEqualTensors(std::span<const NamedTensor> found, const fs::path& expected_path) {
  const auto expected = SafetensorsFile::Open(expected_path);
  EXPECT_EQ(found.size(), expected->tensors().size());
  for (const NamedTensor& tensor : found) {
    const NamedTensor* other = expected->Find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_EQ(tensor.view.dtype, other->view.dtype) << tensor.name;
    EXPECT_EQ(tensor.view.shape, other->view.shape) << tensor.name;
    EXPECT_TRUE(std::ranges::equal(tensor.view.bytes, other->view.bytes)) << tensor.name;
  }
}

TEST(PytorchFile, HostileOnesAreRefusedAndControlsLoad) {
  for (const auto& [name, value] : testing::ReadManifest("fixtures/pytorch/manifest.json")) {
    SCOPED_TRACE(std::string(name));
    const fs::path path = DataPath("fixtures/pytorch/" + std::string(name));
    if (value.at("expect").as_string() == "refuse") {
      const auto error = ErrorOf([&] { PytorchFile::Open(path); });
      ASSERT_TRUE(error);
      EXPECT_TRUE(error->code() == ErrorCode::kDataLoss) << error->what();
      EXPECT_FALSE(error->detail().where.empty());
    } else {
      EXPECT_FALSE(PytorchFile::Open(path)->tensors().empty());
    }
  }
  EXPECT_FALSE(fs::exists("pwned"));
  EXPECT_FALSE(fs::exists(DataPath("fixtures/pytorch/pwned")));
}

TEST(PytorchFile, ViewsSharedAndStridedTensorsEqualPytorchs) {
  for (const char* name : {"good_dict", "good_module_state_dict"}) {
    SCOPED_TRACE(name);
    const fs::path base = DataPath("fixtures/pytorch") / name;
    ExpectEqualTensors(PytorchFile::Open(base.string() + ".pt")->tensors(),
                       base.string() + ".expected.safetensors");
  }
}

TEST(PytorchFile, PlainArchivesAndNestedCheckpointsLoad) {
  EXPECT_FALSE(
      PytorchFile::Open(DataPath("fixtures/pytorch/good_plain_zip.pt"))->tensors().empty());
  const auto nested = PytorchFile::Open(DataPath("fixtures/pytorch/nested_checkpoint.pt"));
  EXPECT_FALSE(nested->tensors().empty());
  EXPECT_EQ(nested->Find("no such tensor"), nullptr);
}

TEST(PytorchFile, NamesThatAreNotAllowedAreInTheMessage) {
  const auto error =
      ErrorOf([] { PytorchFile::Open(DataPath("fixtures/pytorch/bad_unknown_global.pt")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->detail().found, "\"shutil.rmtree\"");
}

TEST(AnyTensors, RecognisesEveryFormatByContent) {
  const std::pair<const char*, const char*> cases[] = {
      {"fixtures/pytorch/good_dict.pt", "pytorch"},
      {"fixtures/gguf/qwen3-untied-F32.gguf", "gguf"},
      {"fixtures/qwen3-untied/model.safetensors", "safetensors"}};
  for (const auto& [path, format] : cases) {
    const auto tensors = AnyTensors::Open(DataPath(path));
    EXPECT_EQ(tensors->format(), format);
    EXPECT_FALSE(tensors->tensors().empty());
  }
  EXPECT_EQ(ErrorOf([] { AnyTensors::Open(DataPath("fixtures/README.md")); })->code(),
            ErrorCode::kDataLoss);
}

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

ErrorCode PickleError(std::string_view body) {
  const std::string text = "\x80\x02" + std::string(body);
  const auto error = ErrorOf([&] { Pickle pickle(Bytes(text)); });
  return error ? error->code() : ErrorCode::kIo;
}

TEST(Pickle, BuildsPlainValues) {
  const std::string text =
      std::string("\x80\x02}(X\x01\0\0\0aK\x07X\x01\0\0\0b\x8a\x02\xff\xffu.", 24);
  const Pickle pickle(Bytes(text));
  const auto* dict = pickle.root().As<PickleDict>();
  ASSERT_NE(dict, nullptr);
  ASSERT_EQ(dict->items.size(), 2u);
  EXPECT_EQ(*dict->items[0].second->As<int64_t>(), 7);
  EXPECT_EQ(*dict->items[1].second->As<int64_t>(), -1);
}

TEST(Pickle, AListThatHoldsItselfIsHarmless) {
  const std::string text = std::string("\x80\x02]q\0h\0a.", 9);
  const Pickle pickle(Bytes(text));
  EXPECT_EQ(pickle.root().As<PickleList>()->size(), 1u);
}

TEST(Pickle, StructuralErrorsAreRefused) {
  EXPECT_EQ(PickleError("."), ErrorCode::kDataLoss);       // nothing to stop with
  EXPECT_EQ(PickleError("t."), ErrorCode::kDataLoss);      // no mark
  EXPECT_EQ(PickleError("(\x85."), ErrorCode::kDataLoss);  // takes across a mark
  EXPECT_EQ(PickleError("NN."), ErrorCode::kDataLoss);     // leaves a value behind
  EXPECT_EQ(PickleError("N)R."), ErrorCode::kDataLoss);    // calls None
  EXPECT_EQ(PickleError("]}b."), ErrorCode::kDataLoss);    // attributes of a list
  EXPECT_EQ(PickleError("\x81."), ErrorCode::kDataLoss);   // NEWOBJ
  EXPECT_EQ(PickleError("cos\nsystem\n."), ErrorCode::kDataLoss);
  EXPECT_EQ(PickleError(std::string(1'100'000, 'N')), ErrorCode::kLimit);
}

/// A one-entry archive, stored or deflated, with the pieces that a test wants to spoil.
struct ZipParts {
  std::string name = "a/x";
  std::string data = std::string(100'000, 'z');
  uint32_t claimed = 100'000;
  bool deflate = true;
};

std::string Deflate(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(data.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zip(const ZipParts& parts) {
  const std::string stored = parts.deflate ? Deflate(parts.data) : parts.data;
  const auto crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(parts.data.data()), parts.data.size()));
  const std::string common =
      Raw<uint16_t>(20) + Raw<uint16_t>(0) + Raw<uint16_t>(parts.deflate ? 8 : 0) +
      Raw<uint32_t>(0) + Raw<uint32_t>(crc) + Raw(static_cast<uint32_t>(stored.size())) +
      Raw(parts.claimed) + Raw(static_cast<uint16_t>(parts.name.size())) + Raw<uint16_t>(0);
  const std::string local = "PK\x03\x04" + common + parts.name + stored;
  const std::string central = "PK\x01\x02" + Raw<uint16_t>(20) + common + Raw<uint16_t>(0) +
                              Raw<uint32_t>(0) + Raw<uint32_t>(0) + Raw<uint32_t>(0) + parts.name;
  const std::string end = "PK\x05\x06" + Raw<uint32_t>(0) + Raw<uint16_t>(1) + Raw<uint16_t>(1) +
                          Raw(static_cast<uint32_t>(central.size())) +
                          Raw(static_cast<uint32_t>(local.size())) + Raw<uint16_t>(0);
  return local + central + end;
}

TEST(ZipArchive, ReadsStoredAndDeflatedEntries) {
  for (const bool deflate : {false, true}) {
    const ZipParts parts{.deflate = deflate};
    const std::string bytes = Zip(parts);
    ZipArchive archive(Bytes(bytes));
    const ZipEntry* entry = archive.Find("a/x");
    ASSERT_NE(entry, nullptr);
    EXPECT_TRUE(std::ranges::equal(archive.Read(*entry), Bytes(parts.data)));
  }
}

TEST(ZipArchive, ClaimsOfSizeAreNotBelieved) {
  const std::string more = Zip({.claimed = 200'000});
  const std::string less = Zip({.claimed = 50'000});
  const std::string bomb = Zip({.claimed = 0xfffffff0});
  for (const std::string& bytes : {more, less, bomb}) {
    ZipArchive archive(Bytes(bytes));
    const uint64_t before = testing::ResidentBytes();
    const auto error = ErrorOf([&] { archive.Read(archive.entries()[0]); });
    ASSERT_TRUE(error);
    EXPECT_LT(testing::ResidentBytes(), before + (8 << 20));
  }
}

TEST(ZipArchive, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../x", "/x", "a/../x", "a\\x", ".."}) {
    const std::string bytes = Zip({.name = name});
    EXPECT_EQ(ErrorOf([&] { ZipArchive archive(Bytes(bytes)); })->code(), ErrorCode::kDataLoss)
        << name;
  }
}

TEST(ZipArchive, ADamagedByteIsFoundByItsChecksum) {
  std::string bytes = Zip({.deflate = false});
  bytes[5000] = 'y';
  ZipArchive archive(Bytes(bytes));
  EXPECT_EQ(ErrorOf([&] { archive.Read(archive.entries()[0]); })->code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace hyprstream::formats
