// Folders, shards, splits: what counts as a model, and which file is missing when it does not.
#include "formats/model_files.h"

#include <boost/json/serialize.hpp>
#include <cstring>

#include "formats/gguf_writer.h"
#include "support.h"

namespace hyprstream::formats {
namespace {

using testing::DataPath;
using testing::ErrorOf;
using testing::SourcePath;
using testing::TemporaryFolder;
using testing::WriteAll;
namespace fs = std::filesystem;

const std::vector<float> kNumbers(32, 1.0f);

NamedTensor Numbers(std::string name, Shape shape = {4, 8}) {
  return {std::move(name), {DType::kF32, shape, std::as_bytes(std::span(kNumbers))}};
}

void WriteShard(const fs::path& path, std::vector<std::string> names) {
  std::vector<NamedTensor> tensors;
  for (std::string& name : names) tensors.push_back(Numbers(std::move(name)));
  WriteSafetensors(path, tensors);
}

void WriteIndex(const fs::path& folder, const std::map<std::string, std::string>& shard_of) {
  boost::json::object map;
  for (const auto& [tensor, file] : shard_of) map[tensor] = file;
  const boost::json::object index{{"metadata", {{"total_size", 256}}}, {"weight_map", map}};
  WriteAll(folder / "model.safetensors.index.json", boost::json::serialize(index));
}

TEST(ModelFiles, OpensTheBundledModelByFolderAndByFile) {
  for (const char* name : {"models/willowbrook", "models/willowbrook/model.safetensors"}) {
    const auto files = ModelFiles::Open(SourcePath(name));
    EXPECT_EQ(files->gguf(), nullptr);
    EXPECT_NE(files->config_json().find("hidden_size"), std::string::npos);
    EXPECT_FALSE(files->tokenizer_config_json().empty());
    const TensorView* embedding = files->Find("model.embed_tokens.weight");
    ASSERT_NE(embedding, nullptr);
    EXPECT_NE(files->MappingOf(*embedding), nullptr);
    EXPECT_EQ(files->Find("no such tensor"), nullptr);
    EXPECT_EQ(files->weight_files().size(), 1u);
  }
}

TEST(ModelFiles, ShardsHoldTheSameTensorsAsOneFile) {
  const auto whole = ModelFiles::Open(DataPath("fixtures/qwen3-tied/f32"));
  const auto sharded = ModelFiles::Open(DataPath("fixtures/qwen3-tied/sharded"));
  ASSERT_EQ(sharded->weight_files().size(), 3u);
  ASSERT_EQ(sharded->tensors().size(), whole->tensors().size());
  EXPECT_EQ(sharded->tensor_bytes(), sharded->tensors().begin()->second.dtype == DType::kF32
                                         ? whole->tensor_bytes()
                                         : whole->tensor_bytes() / 2);
  for (const auto& [name, view] : whole->tensors()) {
    const TensorView* other = sharded->Find(name);
    ASSERT_NE(other, nullptr) << name;
    EXPECT_EQ(other->shape, view.shape) << name;
  }
}

TEST(ModelFiles, AnyShardStandsForTheWholeModel) {
  const auto folder = DataPath("fixtures/qwen3-tied/sharded");
  const auto files = ModelFiles::Open(folder / "model-00002-of-00003.safetensors");
  EXPECT_EQ(files->weight_files().size(), 3u);
}

TEST(ModelFiles, FindsGgufByContentUnderAnyName) {
  TemporaryFolder folder;
  fs::copy_file(DataPath("fixtures/gguf/qwen3-untied-F32.gguf"), folder / "sha256-0123");
  for (const fs::path& path : {folder / "sha256-0123", folder.path()}) {
    const auto files = ModelFiles::Open(path);
    ASSERT_NE(files->gguf(), nullptr);
    EXPECT_TRUE(files->config_json().empty());
    EXPECT_NE(files->Find("token_embd.weight"), nullptr);
  }
}

TEST(ModelFiles, ListsGgufFilesWhenThereIsAChoice) {
  TemporaryFolder folder;
  WriteGguf(folder / "a.gguf", {}, {});
  WriteGguf(folder / "b.gguf", {}, {});
  const auto error = ErrorOf([&] { ModelFiles::Open(folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error->detail().found, "a.gguf, b.gguf");
}

TEST(ModelFiles, SaysWhatIsMissing) {
  TemporaryFolder folder;
  auto error = ErrorOf([&] { ModelFiles::Open(folder / "nowhere"); });
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
  WriteAll(folder / "tokenizer.json", "{}");
  error = ErrorOf([&] { ModelFiles::Open(folder.path()); });
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
  EXPECT_EQ(error->detail().found, "tokenizer.json alone");
  WriteAll(folder / "config.json", "{}");
  error = ErrorOf([&] { ModelFiles::Open(folder.path()); });
  EXPECT_EQ(error->detail().found, "config.json without weights");
  WriteShard(folder / "model.safetensors", {"a"});
  EXPECT_NO_THROW(ModelFiles::Open(folder.path()));
  fs::remove(folder / "config.json");
  error = ErrorOf([&] { ModelFiles::Open(folder.path()); });
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
  EXPECT_EQ(error->detail().expected, (folder / "config.json").string());
}

TEST(ModelFiles, RecognisesAnAdapterFolder) {
  const auto error = ErrorOf([] { ModelFiles::Open(DataPath("fixtures/peft/b-rslora")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
}

TEST(ModelFiles, RecognisesGitLfsPointers) {
  TemporaryFolder folder;
  WriteAll(folder / "config.json", "{}");
  WriteAll(folder / "model.safetensors",
           "version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 5368709120\n");
  const auto error = ErrorOf([&] { ModelFiles::Open(folder.path()); });
  ASSERT_TRUE(error);
  const std::string text = error->what();
  EXPECT_NE(text.find("Git LFS pointer"), std::string::npos) << text;
  EXPECT_NE(text.find("5.0 GiB"), std::string::npos) << text;
  EXPECT_NE(text.find("git lfs pull"), std::string::npos) << text;
}

TEST(ModelFiles, ShardsWithoutAnIndexAreRefused) {
  TemporaryFolder folder;
  WriteAll(folder / "config.json", "{}");
  WriteShard(folder / "model-00001-of-00002.safetensors", {"a"});
  WriteShard(folder / "model-00002-of-00002.safetensors", {"b"});
  const auto error = ErrorOf([&] { ModelFiles::Open(folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->detail().expected, "model.safetensors.index.json");
}

class Shards : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "model");
    WriteAll(model_ / "config.json", "{}");
  }
  TemporaryFolder folder_;
  fs::path model_ = folder_ / "model";
};

TEST_F(Shards, ATensorThatItsShardLacksIsRefused) {
  WriteShard(model_ / "one.safetensors", {"a"});
  WriteIndex(model_, {{"a", "one.safetensors"}, {"b", "one.safetensors"}});
  EXPECT_EQ(ErrorOf([&] { ModelFiles::Open(model_); })->code(), ErrorCode::kDataLoss);
}

TEST_F(Shards, ATensorInTwoShardsIsRefused) {
  WriteShard(model_ / "one.safetensors", {"a"});
  WriteShard(model_ / "two.safetensors", {"a", "b"});
  WriteIndex(model_, {{"a", "one.safetensors"}, {"b", "two.safetensors"}});
  EXPECT_EQ(ErrorOf([&] { ModelFiles::Open(model_); })->code(), ErrorCode::kDataLoss);
}

TEST_F(Shards, ALinkOutOfTheFolderIsRefused) {
  WriteShard(folder_ / "outside.safetensors", {"a"});
  fs::create_symlink(folder_ / "outside.safetensors", model_ / "one.safetensors");
  WriteIndex(model_, {{"a", "one.safetensors"}});
  const auto error = ErrorOf([&] { ModelFiles::Open(model_); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kDataLoss);
  fs::remove(model_ / "one.safetensors");
  fs::rename(folder_ / "outside.safetensors", model_ / "real.safetensors");
  fs::create_symlink("real.safetensors", model_ / "one.safetensors");
  EXPECT_NO_THROW(ModelFiles::Open(model_));
}

TEST_F(Shards, LinksIntoTheBlobsOfAHuggingFaceCacheAreFollowed) {
  const fs::path snapshot = folder_ / "snapshots/abc";
  fs::create_directories(snapshot);
  fs::create_directories(folder_ / "blobs");
  WriteAll(snapshot / "config.json", "{}");
  WriteShard(folder_ / "blobs/0123", {"a"});
  fs::create_symlink("../../blobs/0123", snapshot / "one.safetensors");
  WriteIndex(snapshot, {{"a", "one.safetensors"}});
  EXPECT_NO_THROW(ModelFiles::Open(snapshot));
}

/// Two parts: one with the metadata and "a", one with "b".
void WriteSplit(const fs::path& folder, uint32_t total_tensors) {
  for (uint16_t part = 0; part < 2; ++part) {
    std::vector<std::pair<std::string, GgufField>> metadata;
    if (part == 0) metadata.emplace_back("general.architecture", std::string("qwen3"));
    metadata.emplace_back("split.no", uint32_t{part});
    metadata.emplace_back("split.count", uint32_t{2});
    metadata.emplace_back("split.tensors.count", uint32_t{total_tensors});
    const NamedTensor tensor = Numbers(part == 0 ? "a" : "b");
    WriteGguf(folder / ("m-0000" + std::to_string(part + 1) + "-of-00002.gguf"), metadata,
              std::span(&tensor, 1));
  }
}

TEST(GgufSplit, OpensFromAnyPartAndFromTheFolder) {
  TemporaryFolder folder;
  WriteSplit(folder.path(), 2);
  for (const fs::path& path :
       {folder / "m-00001-of-00002.gguf", folder / "m-00002-of-00002.gguf", folder.path()}) {
    const auto files = ModelFiles::Open(path);
    EXPECT_EQ(files->tensors().size(), 2u) << path;
    EXPECT_EQ(files->gguf()->GetString("general.architecture"), "qwen3");
  }
}

TEST(GgufSplit, IsRefusedWhenAPartIsMissingOrTheTotalIsWrong) {
  TemporaryFolder folder;
  WriteSplit(folder.path(), 3);
  const fs::path first = folder / "m-00001-of-00002.gguf";
  EXPECT_EQ(ErrorOf([&] { ModelFiles::Open(first); })->code(), ErrorCode::kDataLoss);
  fs::remove(folder / "m-00002-of-00002.gguf");
  EXPECT_EQ(ErrorOf([&] { ModelFiles::Open(first); })->code(), ErrorCode::kNotFound);
}

TEST(ModelFiles, TensorsThatCannotBeComputedWithAreRefusedByName) {
  TemporaryFolder folder;
  const std::vector<std::byte> blocks(66);
  const NamedTensor tensor{"blk.0.attn_q.weight", {DType::kIQ2_XXS, {1, 256}, blocks}};
  const std::pair<std::string, GgufField> field{"general.architecture", std::string("qwen3")};
  WriteGguf(folder / "m.gguf", std::span(&field, 1), std::span(&tensor, 1));
  EXPECT_EQ(GgufFile::Open(folder / "m.gguf")->tensors().size(), 1u);
  const auto error = ErrorOf([&] { ModelFiles::Open(folder / "m.gguf"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
  EXPECT_NE(std::string(error->what()).find("IQ2_XXS"), std::string::npos);
}

}  // namespace
}  // namespace hyprstream::formats
