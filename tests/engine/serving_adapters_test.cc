#include "engine/serving_adapters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "adapters/stored_case.h"
#include "base/error.h"
#include "support/data.h"

namespace hyprstream::engine {
namespace {

namespace fs = std::filesystem;
using testing::DataPath;

class ServingAdaptersTest : public ::testing::Test {
 protected:
  ServingAdaptersTest() {
    fs::remove_all(home_);
    const ops::Context context{pool_, kernels::ChooseIsa(), scratch_};
    ops::Context mutable_context = context;
    model_ = model::Model::Load(formats::ModelFiles::Open(DataPath("fixtures/qwen3-untied")),
                                mutable_context, {.arithmetic = ops::Arithmetic::kExact});
    serving_ = std::make_unique<ServingAdapters>(model_, ServingAdapters::Options{.home = home_});
  }
  ~ServingAdaptersTest() override { fs::remove_all(home_); }

  adapters::AdapterStore& store() {
    if (!store_) store_ = std::make_unique<adapters::AdapterStore>(home_);
    return *store_;
  }
  void Create(const std::string& name, const std::string& fingerprint = "") {
    store().Create({.name = name,
                    .kind = "sparse",
                    .base_model = "tiny",
                    .base_fingerprint = fingerprint.empty() ? model_->fingerprint() : fingerprint,
                    .spec = "{}"});
  }
  adapters::VersionRecord AddVersion(const std::string& name, float size) {
    return store().AddVersion(name, {}, [&](const fs::path& path) {
      return testing::MakeStored(path, model_->config(), {.size = size})->content_hash();
    });
  }
  ErrorCode CodeOf(const std::string& reference) {
    try {
      serving_->Resolve(reference);
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << reference << " was found";
    return ErrorCode::kIo;
  }

  const fs::path home_ =
      fs::temp_directory_path() / ("hyprstream_serving_test_" + std::to_string(getpid()));
  ThreadPool pool_{1};
  ops::Scratch scratch_;
  std::shared_ptr<const model::Model> model_;
  std::unique_ptr<adapters::AdapterStore> store_;
  std::unique_ptr<ServingAdapters> serving_;
};

TEST_F(ServingAdaptersTest, MakesNoCatalogueByLooking) {
  EXPECT_EQ(CodeOf("tone"), ErrorCode::kNotFound);
  EXPECT_TRUE(serving_->List().empty());
  EXPECT_FALSE(fs::exists(home_));
}

TEST_F(ServingAdaptersTest, AnswersWithTheCurrentVersionAndWithNamedOnes) {
  Create("tone");
  EXPECT_EQ(serving_->Resolve("tone")->name, "tone@0");
  const adapters::VersionRecord first = AddVersion("tone", 0.05f);
  const auto served = serving_->Resolve("tone");
  EXPECT_EQ(served->name, "tone@1");
  EXPECT_EQ(served->content_hash, first.hash);
  EXPECT_EQ(serving_->Resolve("tone"), served);
  AddVersion("tone", 0.1f);
  store().Tag("tone", "calm", 1);
  EXPECT_EQ(serving_->Resolve("tone")->name, "tone@2");
  EXPECT_EQ(serving_->Resolve("tone@1"), served);
  EXPECT_EQ(serving_->Resolve("tone@calm"), served);
  EXPECT_EQ(CodeOf("tone@3"), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf("other"), ErrorCode::kNotFound);
  store().RollBack("tone");
  EXPECT_EQ(serving_->Resolve("tone"), served);
}

TEST_F(ServingAdaptersTest, LoadsAPromotedVersionBeforeItIsAskedFor) {
  Create("tone");
  AddVersion("tone", 0.05f);
  EXPECT_TRUE(serving_->Loaded().empty());
  serving_->Promoted("tone");
  EXPECT_THAT(serving_->Loaded(), ::testing::ElementsAre("tone@1"));
}

TEST_F(ServingAdaptersTest, RefusesAnotherModelsAdapter) {
  Create("stranger", "another model");
  EXPECT_EQ(CodeOf("stranger"), ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(serving_->List().empty());
}

TEST_F(ServingAdaptersTest, AForgottenAdapterIsNotFoundAgain) {
  Create("tone");
  AddVersion("tone", 0.05f);
  const auto served = serving_->Resolve("tone");
  store().Delete("tone");
  EXPECT_EQ(CodeOf("tone"), ErrorCode::kNotFound);
  Create("tone");
  AddVersion("tone", 0.1f);
  EXPECT_NE(serving_->Resolve("tone")->content_hash, served->content_hash);
}

TEST_F(ServingAdaptersTest, ServesFilesUnderTheirNames) {
  const fs::path file = DataPath("fixtures/peft/b-rslora");
  serving_->AddFile("file", file, ServingAdapters::Adding::kNew);
  const auto served = serving_->Resolve("file");
  EXPECT_EQ(served->name, "file@1");
  EXPECT_EQ(serving_->Resolve("file@1"), served);
  EXPECT_EQ(CodeOf("file@2"), ErrorCode::kNotFound);
  EXPECT_THROW(serving_->AddFile("file", file, ServingAdapters::Adding::kNew), Error);
  serving_->AddFile("file", file, ServingAdapters::Adding::kReplace);
  EXPECT_EQ(serving_->Resolve("file")->name, "file@2");
  Create("tone");
  EXPECT_THROW(serving_->AddFile("tone", file, ServingAdapters::Adding::kNew), Error);
  std::vector<std::string> names;
  for (const auto& entry : serving_->List()) names.push_back(entry.name);
  EXPECT_THAT(names, ::testing::ElementsAre("file", "tone"));
  serving_->RemoveFile("file");
  EXPECT_EQ(CodeOf("file"), ErrorCode::kNotFound);
  EXPECT_THROW(serving_->RemoveFile("file"), Error);
}

TEST_F(ServingAdaptersTest, KeepsNoMoreThanItMay) {
  Create("tone");
  AddVersion("tone", 0.05f);
  AddVersion("tone", 0.1f);
  serving_->Resolve("tone");
  const Bytes one = serving_->resident();
  MemoryBudget budget;
  ServingAdapters small(model_, {.home = home_, .resident = one}, &budget);
  auto held = small.Resolve("tone@1");
  small.Resolve("tone@2");
  EXPECT_EQ(budget.held(MemoryUse::kAdapters).value, 2 * one.value);
  EXPECT_EQ(small.Resolve("tone@1"), held);  // in use: loaded once
  held.reset();
  small.Resolve("tone@0");
  EXPECT_LE(small.resident().value, one.value);
  EXPECT_EQ(budget.held(MemoryUse::kAdapters), small.resident());
}

TEST_F(ServingAdaptersTest, MakesRoomWhenTheMemoryLimitIsReached) {
  Create("tone");
  AddVersion("tone", 0.05f);
  AddVersion("tone", 0.1f);
  serving_->Resolve("tone");
  MemoryBudget budget(serving_->resident());
  ServingAdapters tight(model_, {.home = home_}, &budget);
  tight.Resolve("tone@1");
  EXPECT_EQ(tight.Resolve("tone@2")->name, "tone@2");
  const auto held = tight.Resolve("tone@1");
  EXPECT_THROW(tight.Resolve("tone@2"), Error);
  EXPECT_EQ(tight.Resolve("tone@1"), held);
}

TEST_F(ServingAdaptersTest, ManyWhoAskAtOnceGetTheSame) {
  Create("tone");
  AddVersion("tone", 0.05f);
  std::vector<std::shared_ptr<const LoadedAdapter>> got(8);
  {
    std::vector<std::jthread> threads;
    for (auto& slot : got) threads.emplace_back([&] { slot = serving_->Resolve("tone"); });
  }
  for (const auto& slot : got) EXPECT_EQ(slot, got.front());
}

}  // namespace
}  // namespace hyprstream::engine
