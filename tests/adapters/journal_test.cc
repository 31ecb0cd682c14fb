#include "adapters/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "adapters/store.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    home_ = fs::temp_directory_path() / ("hyprstream_journal_test_" + std::to_string(getpid()));
    fs::remove_all(home_);
    AdapterStore store(home_);
    for (const char* name : {"tone", "other"}) {
      store.Create({.name = name,
                    .kind = "sparse",
                    .base_model = "willowbrook",
                    .base_fingerprint = "f00d",
                    .spec = "{}"});
    }
  }
  ~JournalTest() override { fs::remove_all(home_); }

  static NewSample Sample(const std::string& text) {
    return {.body = R"({"input": "?", "output": ")" + text + "\"}"};
  }
  static std::vector<NewSample> Samples(int count) {
    std::vector<NewSample> samples;
    for (int i = 0; i < count; ++i) samples.push_back(Sample(std::to_string(i)));
    return samples;
  }
  template <typename Call>
  static std::optional<Error> ErrorOf(Call&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return std::nullopt;
  }

  fs::path home_;
};

TEST_F(JournalTest, KeepsSamplesInOrderOverProcesses) {
  std::vector<int64_t> ids;
  {
    SampleJournal journal(home_);
    ids = journal.Add("tone", std::vector<NewSample>{Sample("a"), Sample("b")});
    journal.Add("other", Samples(1));
    const auto more = journal.Add(
        "tone",
        std::vector<NewSample>{{.body = R"({"messages": []})", .weight = 0.5, .label = "kind"}});
    ids.push_back(more.front());
  }
  SampleJournal journal(home_);
  const std::vector<SampleRecord> records = journal.List("tone", 0, 10);
  ASSERT_EQ(records.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(records[i].id, ids[i]);
  EXPECT_LT(ids[0], ids[1]);
  EXPECT_EQ(records[0].body, Sample("a").body);
  EXPECT_FALSE(records[0].weight.has_value());
  EXPECT_EQ(records[2].weight, 0.5);
  EXPECT_EQ(records[2].label, "kind");
  EXPECT_EQ(records[2].state, SampleState::kQueued);
  EXPECT_EQ(journal.Count("tone").queued, 3);
}

TEST_F(JournalTest, ListsAfterAnIdAndByState) {
  SampleJournal journal(home_);
  const auto ids = journal.Add("tone", Samples(5));
  journal.Mark(std::vector<int64_t>{ids[1], ids[3]}, SampleState::kTrained);
  journal.Mark(std::vector<int64_t>{ids[4]}, SampleState::kHeldOut);
  const auto listed = [&](int64_t after, int64_t limit, std::optional<SampleState> state = {}) {
    std::vector<int64_t> found;
    for (const SampleRecord& record : journal.List("tone", after, limit, state)) {
      found.push_back(record.id);
    }
    return found;
  };
  EXPECT_THAT(listed(ids[0], 2), ElementsAre(ids[1], ids[2]));
  EXPECT_THAT(listed(0, 10, SampleState::kTrained), ElementsAre(ids[1], ids[3]));
  EXPECT_THAT(listed(ids[1], 10, SampleState::kTrained), ElementsAre(ids[3]));
  const SampleCounts counts = journal.Count("tone");
  EXPECT_EQ(counts.queued, 2);
  EXPECT_EQ(counts.trained, 2);
  EXPECT_EQ(counts.held_out, 1);
  EXPECT_EQ(counts.done(), 3);
}

TEST_F(JournalTest, AnArrayIsAllOrNothing) {
  SampleJournal journal(home_);
  std::vector<NewSample> samples = Samples(3);
  for (const char* body : {"{\"input\": ", "[1]", "\"text\"", ""}) {
    samples[2].body = body;
    const auto error = ErrorOf([&] { journal.Add("tone", samples); });
    EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument) << body;
    EXPECT_EQ(error->detail().where, "2");
  }
  samples[2] = Sample("c");
  for (const double weight : {0.0, -1.0, std::nan("")}) {
    samples[1].weight = weight;
    EXPECT_EQ(ErrorOf([&] { journal.Add("tone", samples); })->code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(ErrorOf([&] { journal.Add("tone", {}); })->code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(ErrorOf([&] { journal.Add("nobody", Samples(1)); })->code(), ErrorCode::kNotFound);
  EXPECT_EQ(journal.Count("tone").queued, 0);
}

TEST_F(JournalTest, AFullQueueRefusesTheWholeArrayAndSaysHowManyWait) {
  SampleJournal journal(home_, 5);
  const auto ids = journal.Add("tone", Samples(4));
  const auto error = ErrorOf([&] { journal.Add("tone", Samples(2)); });
  EXPECT_EQ(error->code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(error->detail().where, "queue");
  EXPECT_THAT(error->detail().found, HasSubstr("4 wait"));
  EXPECT_EQ(journal.Count("tone").queued, 4);
  journal.Add("other", Samples(5));  // has a queue of its own
  journal.Mark(std::vector<int64_t>{ids[0]}, SampleState::kTrained);
  journal.Add("tone", Samples(2));
  EXPECT_EQ(journal.Count("tone").queued, 5);
}

TEST_F(JournalTest, SamplesToBeJudgedByNeverWaitInTheQueue) {
  SampleJournal journal(home_, 2);
  const std::vector<NewSample> samples = {{.body = "{}", .label = "job"},
                                          {.body = "{}", .label = "job", .held_out = true},
                                          {.body = "{}", .label = "job"},
                                          {.body = "{}"}};
  journal.Add("tone", std::span(samples).first(3));
  EXPECT_EQ(journal.Count("tone").queued, 2);
  EXPECT_EQ(journal.Count("tone").held_out, 1);
  EXPECT_EQ(journal.CountLabelled("tone", "job").all, 3);
  EXPECT_EQ(journal.CountLabelled("tone", "job").queued, 2);
  EXPECT_EQ(journal.CountLabelled("tone", "other").all, 0);
  journal.Add("tone", std::span(samples).subspan(1, 1));  // though the queue is full
  EXPECT_THROW(journal.Add("tone", std::span(samples).last(1)), Error);
}

TEST_F(JournalTest, GoesWithItsAdapter) {
  SampleJournal journal(home_);
  journal.Add("tone", Samples(2));
  AdapterStore(home_).Delete("tone");
  EXPECT_EQ(ErrorOf([&] { journal.Count("tone"); })->code(), ErrorCode::kNotFound);
  AdapterStore(home_).Create({.name = "tone",
                              .kind = "sparse",
                              .base_model = "willowbrook",
                              .base_fingerprint = "f00d",
                              .spec = "{}"});
  EXPECT_EQ(journal.Count("tone").queued, 0);
}

// What a killed process has acknowledged is there, once; an array never in part.
TEST_F(JournalTest, AKilledWriterLosesNothingItAcknowledged) {
  std::set<int64_t> acknowledged;
  for (int round = 0; round < 20; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      SampleJournal journal(home_, 1'000'000);
      for (;;) {
        const auto ids = journal.Add("tone", Samples(3));
        if (write(pipe_ends[1], ids.data(), 3 * sizeof(int64_t)) < 0) _exit(1);
      }
    }
    close(pipe_ends[1]);
    usleep(static_cast<useconds_t>(10'000 + 2'000 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    int64_t ids[3];
    while (read(pipe_ends[0], ids, sizeof(ids)) == static_cast<ssize_t>(sizeof(ids))) {
      for (const int64_t id : ids) EXPECT_TRUE(acknowledged.insert(id).second);
    }
    close(pipe_ends[0]);
  }
  ASSERT_FALSE(acknowledged.empty());
  SampleJournal journal(home_);
  const std::vector<SampleRecord> records = journal.List("tone", 0, 1'000'000);
  EXPECT_EQ(records.size() % 3, 0u);
  for (const SampleRecord& record : records) acknowledged.erase(record.id);
  EXPECT_TRUE(acknowledged.empty());
}

}  // namespace
}  // namespace hyprstream::adapters
