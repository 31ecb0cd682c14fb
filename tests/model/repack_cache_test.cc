// Models loaded through the cache of packed weights, against the same models without it.
#include "model/repack_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/hash.h"
#include "base/log.h"
#include "model/harness.h"
#include "model/repacked_file.h"

namespace hyprstream {
namespace {

namespace fs = std::filesystem;
using namespace hyprstream::testing;

constexpr int32_t kIds[] = {1, 5, 9, 2, 7, 7, 3};

class RepackCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kOff);
    std::string pattern = (fs::temp_directory_path() / "hyprstream-repack-XXXXXX");
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    model_ = folder_ / "model.gguf";
    fs::copy_file(DataPath("fixtures/gguf/qwen3-kquant-Q4_K_M.gguf"), model_);
  }
  void TearDown() override {
    std::error_code ignored;
    fs::permissions(cache(), fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
    SetLogLevel(LogLevel::kWarning);
  }

  fs::path cache() const { return folder_ / "cache"; }

  std::shared_ptr<const model::Model> Load() {
    return model::Model::Load(formats::ModelFiles::Open(model_), compute_.context,
                              {.repack = {.folder = cache(), .least = {0}}});
  }
  Tensor Plain() {
    const auto model = model::Model::Load(formats::ModelFiles::Open(model_), compute_.context);
    return RunModel(*model, compute_.context, kIds);
  }
  Tensor Cached() { return RunModel(*Load(), compute_.context, kIds); }

  /// The one file of the cache.
  fs::path Entry() const {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(cache())) {
      EXPECT_TRUE(found.empty()) << entry.path();
      found = entry.path();
    }
    EXPECT_FALSE(found.empty());
    return found;
  }
  static void Damage(const fs::path& path, std::streamoff offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const auto byte = static_cast<char>(file.get());
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 16));
  }
  static ino_t Inode(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_ino;
  }
  /// Loads twice: the file is replaced by the first and kept by the second.
  void ExpectRebuilt(const fs::path& entry, ino_t before) {
    ExpectSameBits();
    const ino_t after = Inode(entry);
    EXPECT_NE(after, before);
    ExpectSameBits();
    EXPECT_EQ(Inode(entry), after);
  }
  void ExpectSameBits() {
    EXPECT_EQ(MaxDifference(Cached().As<float>(), Plain().As<float>()), 0.0f);
  }

  Compute compute_;
  fs::path folder_;
  fs::path model_;
};

TEST_F(RepackCacheTest, TheSecondLoadReadsWhatTheFirstKeptAndGivesTheSameBits) {
  ExpectSameBits();
  const fs::path entry = Entry();
  const ino_t inode = Inode(entry);
  ExpectSameBits();
  EXPECT_EQ(Inode(entry), inode);
  const auto first = model::Model::Load(formats::ModelFiles::Open(model_), compute_.context);
  const auto second = Load();
  EXPECT_EQ(second->weight_bytes(), first->weight_bytes());
  EXPECT_EQ(second->bytes_per_token(), first->bytes_per_token());
  EXPECT_EQ(second->fingerprint(), first->fingerprint());
}

// A file whose strips were changed, with checksums that fit, changes what the model says.
TEST_F(RepackCacheTest, KeptWeightsAreReallyUsed) {
  Cached();
  const fs::path entry = Entry();
  std::ifstream in(entry, std::ios::binary);
  std::string file{std::istreambuf_iterator<char>(in), {}};
  const auto first = file.begin() + 72;  // the first tensor of the table
  const auto number = [&](std::ptrdiff_t at) {
    uint64_t value = 0;
    std::memcpy(&value, &first[at], sizeof(value));
    return value;
  };
  const auto bytes = std::as_writable_bytes(std::span(file));
  const auto strips = bytes.subspan(number(24), number(32));
  for (std::byte& byte : strips.first(1000)) byte ^= std::byte{0x10};
  const uint64_t sum = FastChecksum(strips);
  std::memcpy(&first[40], &sum, sizeof(sum));
  model::RepairRepackedHeader(bytes);
  std::ofstream(entry, std::ios::binary) << file;
  EXPECT_GT(MaxDifference(Cached().As<float>(), Plain().As<float>()), 0.0f);
}

TEST_F(RepackCacheTest, NoFileStaysMapped) {
  Cached();
  const auto model = Load();
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  EXPECT_EQ(text.find(Entry().string()), std::string::npos);
}

TEST_F(RepackCacheTest, EveryFixtureOfAQuantisedTypeGivesTheSameBits) {
  for (const char* name : {"qwen3-gguf/model-Q8_0.gguf", "qwen3-gguf/model-Q5_1.gguf",
                           "qwen3-gguf/model-Q5_0.gguf", "qwen3-gguf/model-Q4_1.gguf",
                           "qwen3-gguf/model-Q4_0.gguf", "llama-gguf/model-llama3rope-Q8_0.gguf"}) {
    model_ = DataPath("fixtures/gguf/" + std::string(name));
    for (int load = 0; load < 2; ++load) ExpectSameBits();
  }
}

TEST_F(RepackCacheTest, ADamagedFileIsMadeAgain) {
  Cached();
  const fs::path entry = Entry();
  const auto size = static_cast<std::streamoff>(fs::file_size(entry));
  for (const std::streamoff offset : {0, 12, 40, 66, 100, 4100}) {
    Damage(entry, offset);
    ExpectRebuilt(entry, Inode(entry));
  }
  Damage(entry, size - 1);
  ExpectRebuilt(entry, Inode(entry));
}

TEST_F(RepackCacheTest, ATruncatedOrForeignFileIsMadeAgain) {
  Cached();
  const fs::path entry = Entry();
  for (const uintmax_t size :
       {fs::file_size(entry) - 1, uintmax_t{4096}, uintmax_t{70}, uintmax_t{0}}) {
    fs::resize_file(entry, size);
    ExpectRebuilt(entry, Inode(entry));
  }
  fs::copy_file(model_, entry, fs::copy_options::overwrite_existing);
  ExpectRebuilt(entry, Inode(entry));
}

TEST_F(RepackCacheTest, ATouchedOrReplacedModelIsPackedAgain) {
  Cached();
  const fs::path entry = Entry();
  fs::last_write_time(model_, fs::last_write_time(model_) - std::chrono::seconds(5));
  ExpectRebuilt(entry, Inode(entry));

  // Another content of the same size and time, in place, where no sample of the fingerprint looks.
  const auto time = fs::last_write_time(model_);
  Damage(model_, static_cast<std::streamoff>(fs::file_size(model_)) - 3000);
  fs::last_write_time(model_, time);
  ExpectRebuilt(entry, Inode(entry));

  fs::copy_file(model_, folder_ / "copy.gguf");
  fs::last_write_time(folder_ / "copy.gguf", time);
  fs::rename(folder_ / "copy.gguf", model_);
  ExpectRebuilt(entry, Inode(entry));
}

TEST_F(RepackCacheTest, EveryInstructionSetHasItsOwnFile) {
  for (const kernels::Isa isa : kernels::SupportedIsas()) {
    Compute compute(2, isa);
    for (int load = 0; load < 2; ++load) {
      const auto model = model::Model::Load(formats::ModelFiles::Open(model_), compute.context,
                                            {.repack = {.folder = cache(), .least = {0}}});
    }
  }
  const auto files = std::distance(fs::directory_iterator(cache()), {});
  EXPECT_EQ(static_cast<size_t>(files), kernels::SupportedIsas().size());
}

TEST_F(RepackCacheTest, AFolderThatCannotBeWrittenIsDoneWithout) {
  std::ofstream(cache()) << "a file where the folder should be";
  ExpectSameBits();
}

TEST_F(RepackCacheTest, AReadOnlyFolderStillServesWhatItHas) {
  Cached();
  const fs::path entry = Entry();
  fs::permissions(cache(), fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(entry, fs::perms::owner_read);
  ExpectSameBits();
}

TEST_F(RepackCacheTest, WhatExceedsTheLimitOrIsTooSmallIsNotKept) {
  const auto load = [&](model::RepackOptions options) {
    options.folder = cache();
    model::Model::Load(formats::ModelFiles::Open(model_), compute_.context, {.repack = options});
    std::error_code none;
    return fs::exists(cache(), none) && !fs::is_empty(cache());
  };
  EXPECT_FALSE(load({.limit = {1000}, .least = {0}}));
  EXPECT_FALSE(load({}));
  EXPECT_TRUE(load({.least = {1}}));
}

TEST_F(RepackCacheTest, ExactArithmeticKeepsNothing) {
  model::Model::Load(
      formats::ModelFiles::Open(model_), compute_.context,
      {.arithmetic = ops::Arithmetic::kExact, .repack = {.folder = cache(), .least = {0}}});
  EXPECT_FALSE(fs::exists(cache()));
}

// Runs in a process of its own: loads the model and says by its status whether the bits are right.
int LoadInChild(const fs::path& model, const fs::path& cache, std::span<const float> want) {
  Compute compute;
  const auto loaded = model::Model::Load(formats::ModelFiles::Open(model), compute.context,
                                         {.repack = {.folder = cache, .least = {0}}});
  const Tensor got = RunModel(*loaded, compute.context, kIds);
  return MaxDifference(got.As<float>(), want) == 0.0f ? 0 : 1;
}

TEST_F(RepackCacheTest, ProcessesThatStartTogetherAllGetTheRightBits) {
  Tensor want;
  {
    // Of one thread: a child of a process with more has only the one that forked.
    Compute alone(1);
    const auto model = model::Model::Load(formats::ModelFiles::Open(model_), alone.context);
    want = RunModel(*model, alone.context, kIds);
  }
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(LoadInChild(model_, cache(), std::as_const(want).As<float>()));
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Entry();
  ExpectSameBits();
}

}  // namespace
}  // namespace hyprstream
