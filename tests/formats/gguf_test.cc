// GGUF: every metadata type, the rules of layout, files of another writer, what is written is read
// back.
#include "formats/gguf.h"

#include <algorithm>
#include <cstring>

#include "formats/gguf_types.h"
#include "formats/gguf_writer.h"
#include "formats/model_files.h"
#include "support.h"
#include "tensor/dequantize.h"

namespace hyprstream::formats {
namespace {

using testing::DataPath;
using testing::ErrorOf;
using testing::Raw;
using testing::TemporaryFolder;
using testing::WriteAll;

std::string Text(std::string_view text) { return Raw<uint64_t>(text.size()) + std::string(text); }

/// A file without tensors whose metadata are these keys with already encoded types and values.
std::string WithMetadata(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string bytes = "GGUF" + Raw<uint32_t>(3) + Raw<uint64_t>(0) + Raw<uint64_t>(fields.size());
  for (const auto& [key, value] : fields) bytes += Text(key) + value;
  return bytes;
}

template <typename T>
std::string Value(uint32_t type, T value) {
  return Raw(type) + Raw(value);
}

template <typename T>
std::string Array(uint32_t type, const std::vector<T>& values) {
  std::string bytes = Raw<uint32_t>(9) + Raw(type) + Raw<uint64_t>(values.size());
  for (const T& value : values) bytes += Raw(value);
  return bytes;
}

class GgufMetadata : public ::testing::Test {
 protected:
  std::shared_ptr<const GgufFile> Open(
      const std::vector<std::pair<std::string, std::string>>& fields) {
    WriteAll(folder_ / "f.gguf", WithMetadata(fields));
    return GgufFile::Open(folder_ / "f.gguf");
  }
  TemporaryFolder folder_;
};

TEST_F(GgufMetadata, EveryScalarTypeIsWidened) {
  const auto file = Open({{"u8", Value<uint8_t>(0, 200)},
                          {"i8", Value<int8_t>(1, -3)},
                          {"u16", Value<uint16_t>(2, 60000)},
                          {"i16", Value<int16_t>(3, 7)},
                          {"u32", Value<uint32_t>(4, 4000000000u)},
                          {"i32", Value<int32_t>(5, -7)},
                          {"f32", Value<float>(6, 0.5f)},
                          {"bool", Value<uint8_t>(7, 1)},
                          {"string", Raw<uint32_t>(8) + Text("text")},
                          {"u64", Value<uint64_t>(10, uint64_t{1} << 63)},
                          {"i64", Value<int64_t>(11, -1)},
                          {"f64", Value<double>(12, 1e300)}});
  EXPECT_EQ(file->GetUint("u8"), 200u);
  EXPECT_EQ(std::get<int64_t>(file->Get("i8")->value), -3);
  EXPECT_EQ(file->GetUint("u16"), 60000u);
  EXPECT_EQ(file->GetUint("i16"), 7u);
  EXPECT_EQ(file->GetUint("u32"), 4000000000u);
  EXPECT_EQ(file->GetFloat("f32"), 0.5);
  EXPECT_EQ(file->GetBool("bool"), true);
  EXPECT_EQ(file->GetString("string"), "text");
  EXPECT_EQ(file->GetUint("u64"), uint64_t{1} << 63);
  EXPECT_EQ(file->GetFloat("f64"), 1e300);
  EXPECT_EQ(file->GetUint("absent"), std::nullopt);
  EXPECT_EQ(file->metadata()[1].first, "i8");
  for (const char* negative : {"i8", "i32", "i64"}) {
    EXPECT_EQ(ErrorOf([&] { file->GetUint(negative); })->code(), ErrorCode::kDataLoss);
  }
  EXPECT_EQ(ErrorOf([&] { file->GetString("u8"); })->code(), ErrorCode::kDataLoss);
  EXPECT_EQ(ErrorOf([&] { file->GetBool("u8"); })->code(), ErrorCode::kDataLoss);
  EXPECT_EQ(ErrorOf([&] { file->GetFloat("u8"); })->code(), ErrorCode::kDataLoss);
  EXPECT_EQ(ErrorOf([&] { file->GetUint("f32"); })->code(), ErrorCode::kDataLoss);
}

TEST_F(GgufMetadata, ArraysOfEveryType) {
  const auto file = Open(
      {{"u8", Array<uint8_t>(0, {1, 255})},
       {"i16", Array<int16_t>(3, {-1, 2})},
       {"f32", Array<float>(6, {0.5f})},
       {"bool", Array<uint8_t>(7, {1, 0})},
       {"empty", Array<uint64_t>(10, {})},
       {"strings", Raw<uint32_t>(9) + Raw<uint32_t>(8) + Raw<uint64_t>(2) + Text("a") + Text("")}});
  EXPECT_EQ(std::get<std::vector<uint64_t>>(file->Get("u8")->value),
            (std::vector<uint64_t>{1, 255}));
  EXPECT_EQ(std::get<std::vector<int64_t>>(file->Get("i16")->value), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(std::get<std::vector<double>>(file->Get("f32")->value), std::vector<double>{0.5});
  EXPECT_EQ(std::get<std::vector<bool>>(file->Get("bool")->value),
            (std::vector<bool>{true, false}));
  EXPECT_TRUE(std::get<std::vector<uint64_t>>(file->Get("empty")->value).empty());
  EXPECT_EQ(std::get<GgufValue::Strings>(file->Get("strings")->value),
            (GgufValue::Strings{"a", ""}));
  EXPECT_EQ(file->Get("u8")->element_type, 0u);
}

TEST_F(GgufMetadata, ValuesOutsideTheFormatAreRefused) {
  EXPECT_EQ(ErrorOf([&] { Open({{"b", Value<uint8_t>(7, 2)}}); })->code(), ErrorCode::kDataLoss);
  EXPECT_EQ(ErrorOf([&] {
              Open({{"b", Array<uint8_t>(7, {1, 3})}});
            })->code(),
            ErrorCode::kDataLoss);
  EXPECT_EQ(ErrorOf([&] { Open({{"a\nb", Value<uint8_t>(0, 2)}}); })->code(), ErrorCode::kDataLoss);
  EXPECT_EQ(ErrorOf([&] {
              Open({{std::string(65536, 'k'), Value<uint8_t>(0, 2)}});
            })->code(),
            ErrorCode::kDataLoss);
}

TEST(GgufFile, ReadsEveryTypeOfAnotherWriter) {
  for (const char* type : {"F32", "F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"}) {
    const auto file =
        GgufFile::Open(DataPath("fixtures/gguf/qwen3-gguf/model-" + std::string(type) + ".gguf"));
    EXPECT_EQ(file->GetString("general.architecture"), "qwen3");
    const auto has_type = [&](const NamedTensor& t) { return Name(t.view.dtype) == type; };
    EXPECT_TRUE(std::ranges::any_of(file->tensors(), has_type)) << type;
    EXPECT_EQ(file->Find("no such tensor"), nullptr);
  }
}

TEST(GgufFile, HoldsTheSameNumbersAsTheSafetensorsModel) {
  const auto gguf = GgufFile::Open(DataPath("fixtures/gguf/qwen3-untied-F32.gguf"));
  const auto model = ModelFiles::Open(DataPath("fixtures/qwen3-untied"));
  const std::pair<const char*, const char*> names[] = {
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output.weight", "lm_head.weight"},
      {"blk.1.attn_q.weight", "model.layers.1.self_attn.q_proj.weight"},
      {"blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight"}};
  for (const auto& [gguf_name, model_name] : names) {
    const NamedTensor* tensor = gguf->Find(gguf_name);
    const TensorView* expected = model->Find(model_name);
    ASSERT_TRUE(tensor != nullptr && expected != nullptr) << gguf_name;
    EXPECT_EQ(tensor->view.shape, expected->shape);
    const Tensor a = DequantizeToF32(tensor->view);
    const Tensor b = DequantizeToF32(*expected);
    EXPECT_TRUE(std::ranges::equal(a.As<float>(), b.As<float>())) << gguf_name;
  }
}

TEST(WriteGguf, IsReadBackAsItWas) {
  TemporaryFolder folder;
  const std::vector<std::pair<std::string, GgufField>> metadata = {
      {"u32", uint32_t{7}},
      {"i32", int32_t{-7}},
      {"f32", 0.25f},
      {"bool", true},
      {"u64", uint64_t{1} << 40},
      {"i64", int64_t{5}},
      {"f64", 1e-300},
      {"string", std::string("text")},
      {"strings", std::vector<std::string>{"a", "", "c"}},
      {"i32s", std::vector<int32_t>{1, -2}},
      {"u32s", std::vector<uint32_t>{3}},
      {"f32s", std::vector<float>{0.5f}}};
  std::vector<std::byte> blocks(2 * 3 * 144);
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::byte>(i * 7);
  const std::vector<float> odd = {1, 2, 3, 4, 5};
  const std::vector<NamedTensor> tensors = {
      {"odd", {DType::kF32, {5}, std::as_bytes(std::span(odd))}},
      {"blocks", {DType::kQ4_K, {2, 3, 256}, blocks}}};
  WriteGguf(folder / "f.gguf", metadata, tensors);
  const auto file = GgufFile::Open(folder / "f.gguf");
  EXPECT_EQ(file->GetUint("u32"), 7u);
  EXPECT_EQ(std::get<int64_t>(file->Get("i32")->value), -7);
  EXPECT_EQ(file->GetFloat("f32"), 0.25);
  EXPECT_EQ(file->GetBool("bool"), true);
  EXPECT_EQ(file->GetUint("u64"), uint64_t{1} << 40);
  EXPECT_EQ(file->GetFloat("f64"), 1e-300);
  EXPECT_EQ(file->GetString("string"), "text");
  EXPECT_EQ(std::get<GgufValue::Strings>(file->Get("strings")->value),
            (GgufValue::Strings{"a", "", "c"}));
  EXPECT_EQ(std::get<std::vector<int64_t>>(file->Get("i32s")->value),
            (std::vector<int64_t>{1, -2}));
  ASSERT_EQ(file->tensors().size(), 2u);
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file->tensors()[i].name, tensors[i].name);
    EXPECT_EQ(file->tensors()[i].view.shape, tensors[i].view.shape);
    EXPECT_EQ(file->tensors()[i].view.dtype, tensors[i].view.dtype);
    EXPECT_TRUE(std::ranges::equal(file->tensors()[i].view.bytes, tensors[i].view.bytes));
  }
}

TEST(WriteGguf, EveryNumberedTypeComesBack) {
  for (int i = 0; i <= static_cast<int>(DType::kQ2_0); ++i) {
    const auto type = static_cast<DType>(i);
    const auto number = GgufTensorTypeNumber(type);
    if (!number) continue;
    EXPECT_EQ(GgufTensorType(*number), type) << Name(type);
  }
  for (const uint32_t removed : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u, 43u}) {
    EXPECT_FALSE(GgufTensorType(removed));
  }
}

TEST(WriteGguf, RefusesWhatGgmlCouldNotRead) {
  TemporaryFolder folder;
  const std::vector<std::byte> bytes(4);
  const NamedTensor long_name{std::string(64, 'n'), {DType::kF32, {1}, bytes}};
  const NamedTensor no_number{"u32", {DType::kU32, {1}, bytes}};
  EXPECT_EQ(ErrorOf([&] { WriteGguf(folder / "f", {}, std::span(&long_name, 1)); })->code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(ErrorOf([&] { WriteGguf(folder / "f", {}, std::span(&no_number, 1)); })->code(),
            ErrorCode::kUnsupported);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace hyprstream::formats
