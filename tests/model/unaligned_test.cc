// A safetensors header may have any length, so its tensors may begin at any address.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "model/harness.h"

namespace hyprstream {
namespace {

namespace fs = std::filesystem;
using namespace hyprstream::testing;

std::string ReadAll(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The same model with spaces behind its header, so that the data begin at an odd offset.
fs::path Shifted(const fs::path& model, const fs::path& folder) {
  fs::copy_file(model / "config.json", folder / "config.json");
  std::string bytes = ReadAll(model / "model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const uint64_t spaces = 1 + header % 2;
  bytes.insert(8 + header, std::string(spaces, ' '));
  header += spaces;
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::ofstream(folder / "model.safetensors", std::ios::binary) << bytes;
  return folder;
}

class UnalignedModel : public ::testing::TestWithParam<const char*> {};

TEST_P(UnalignedModel, GivesTheSameBitsOnEveryInstructionSet) {
  std::string pattern = (fs::temp_directory_path() / "hyprstream-odd-XXXXXX");
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path plain = DataPath("fixtures/" + std::string(GetParam()));
  const fs::path odd = Shifted(plain, pattern);
  const auto file = formats::SafetensorsFile::Open(odd / "model.safetensors");
  for (const formats::NamedTensor& tensor : file->tensors()) {
    ASSERT_EQ(reinterpret_cast<uintptr_t>(tensor.view.bytes.data()) % 2, 1u);
  }
  constexpr int32_t kIds[] = {1, 5, 9, 2, 7};
  for (const kernels::Isa isa : kernels::SupportedIsas()) {
    for (const ops::Arithmetic arithmetic : {ops::Arithmetic::kExact, ops::Arithmetic::kServing}) {
      Compute compute(2, isa);
      const auto load = [&](const fs::path& path) {
        const auto model = model::Model::Load(formats::ModelFiles::Open(path), compute.context,
                                              {.arithmetic = arithmetic});
        return RunModel(*model, compute.context, kIds);
      };
      const Tensor want = load(plain);
      const Tensor got = load(odd);
      EXPECT_EQ(MaxDifference(got.As<float>(), want.As<float>()), 0.0f) << kernels::IsaName(isa);
    }
  }
  fs::remove_all(pattern);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, UnalignedModel,
                         ::testing::Values("qwen3-tied/f32", "qwen3-tied/f16", "qwen3-tied/bf16"));

}  // namespace
}  // namespace hyprstream
