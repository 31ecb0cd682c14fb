// Kill -9 at any moment: what was acknowledged is there once, the promoted version is the last one
// promoted, training goes on from the last saved step. The child is this program again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "adapters/stored_adapter.h"
#include "classroom.h"

namespace hyprstream::engine {
namespace {

using namespace hyprstream::testing;
using enum LearningEventKind;

constexpr const char* kHome = "HYPR_CRASH_TEST_HOME";
constexpr int kTogether = 3;  // samples of one call

void Say(const std::string& line) {
  const std::string whole = line + "\n";
  if (write(STDOUT_FILENO, whole.data(), whole.size()) < 0) _exit(1);
}

void SetOptions(Classroom& room) {
  room.options.save_every = std::chrono::milliseconds(0);
  room.options.recipe.steps = 10;
  room.options.recipe.batch = 4;
  room.options.review = 20;
}

// Teaches until it is killed and says what it has acknowledged, trained and promoted.
void TeachForEver(const std::filesystem::path& home) {
  Classroom room(home);
  SetOptions(room);
  room.Begin();
  const auto events = room.learner->events().Subscribe(1'000'000);
  std::thread reporter([&] {
    for (;;) {
      const auto event =
          events->NextUntil(std::chrono::steady_clock::now() + std::chrono::seconds(1));
      if (!event) continue;
      if (event->kind == kTrainingStep) {
        Say("step " + std::to_string(event->burst) + " " + std::to_string(event->step));
      } else if (event->kind == kPromotion) {
        Say("promoted " + std::to_string(event->version));
      } else if (event->kind == kError) {
        Say("error " + event->message);
      }
    }
  });
  Say("begun");
  room.learner->Start("pupil");
  for (int fact = static_cast<int>(room.learner->Status("pupil").samples_done);; ++fact) {
    while (room.learner->Status("pupil").queue_length > 30) usleep(2000);
    std::string line = "acknowledged";
    for (const int64_t id : room.learner->AddSamples("pupil", Facts(fact, 1, kTogether)).ids) {
      line += " " + std::to_string(id);
    }
    Say(line);
    usleep(3000);
  }
}

TEST(LearnerCrash, Child) {
  const char* home = std::getenv(kHome);
  if (home == nullptr) GTEST_SKIP() << "for the other test to run";
  TeachForEver(home);
}

struct Heard {
  std::set<int64_t> acknowledged;
  std::map<int64_t, int64_t> steps;  // of each burst, the last one
  std::pair<int64_t, int64_t> first_step{};
  int64_t promoted = 0;
};

/// Runs the child, kills it so long after it has said this, returns what it said.
Heard RunAndKill(const std::filesystem::path& home, std::string_view after,
                 std::chrono::milliseconds time) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  setenv(kHome, home.c_str(), 1);
  std::string self = "/proc/self/exe", filter = "--gtest_filter=LearnerCrash.Child";
  char* arguments[] = {self.data(), filter.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawn(&child, self.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  unsetenv(kHome);
  close(ends[1]);
  if (failed != 0) throw std::runtime_error("posix_spawn");
  std::string said;
  std::atomic<bool> begun{false};
  std::thread listener([&] {
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
      said.append(buffer, static_cast<size_t>(got));
      if (said.find(after) != std::string::npos) begun = true;
    }
  });
  while (!begun) usleep(1000);
  usleep(static_cast<useconds_t>(time.count() * 1000));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  listener.join();
  close(ends[0]);

  Heard heard;
  std::istringstream lines(said.substr(0, said.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "acknowledged") {
      for (int64_t id; words >> id;) EXPECT_TRUE(heard.acknowledged.insert(id).second) << id;
    } else if (word == "step") {
      int64_t burst = 0, step = 0;
      words >> burst >> step;
      if (heard.steps.empty()) heard.first_step = {burst, step};
      heard.steps[burst] = step;
    } else if (word == "promoted") {
      words >> heard.promoted;
    } else if (word == "error") {
      ADD_FAILURE() << line;
    }
  }
  return heard;
}

void CheckVersions(const std::filesystem::path& home, const model::ModelConfig& config,
                   int64_t promoted) {
  adapters::AdapterStore store(home);
  const int64_t current = store.Get("pupil").current;
  EXPECT_GE(current, promoted);
  int64_t last = 0;
  for (const adapters::VersionRecord& version : store.Versions("pupil")) {
    EXPECT_EQ(adapters::StoredAdapter::Open(version.file, config)->content_hash(), version.hash);
    if (version.status == adapters::VersionStatus::kPromoted) last = version.version;
  }
  EXPECT_EQ(current, last);
}

TEST(LearnerCrash, LosesNothingAtAnyMoment) {
  const std::filesystem::path home = std::filesystem::temp_directory_path() /
                                     ("hyprstream_crash_test_" + std::to_string(getpid()));
  std::filesystem::remove_all(home);
  Classroom room(home);
  room.Create("pupil");
  std::set<int64_t> acknowledged;
  std::map<int64_t, int64_t> steps;
  int64_t promoted = 0, resumed = 0;
  const CounterRandom random(7);
  for (uint64_t round = 0; round < 50; ++round) {
    const auto time = std::chrono::milliseconds(20 + static_cast<int>(random.Uniform(round) * 300));
    const Heard heard = RunAndKill(home, round % 5 == 4 ? "main" : "begun", time);
    for (const int64_t id : heard.acknowledged) EXPECT_TRUE(acknowledged.insert(id).second) << id;
    if (!steps.empty() && !heard.steps.empty()) {
      const auto [burst, step] = *steps.rbegin();
      const auto [next_burst, next_step] = heard.first_step;
      // The last step that was heard of may not have been saved; the one before it was.
      EXPECT_GE(next_burst, burst);
      if (next_burst == burst) {
        EXPECT_GE(next_step, step);
      }
      resumed += next_burst == burst && next_step > 1;
    }
    for (const auto& [burst, step] : heard.steps) steps[burst] = step;
    promoted = std::max(promoted, heard.promoted);
    CheckVersions(home, room.model->config(), promoted);

    adapters::SampleJournal journal(home);
    const std::vector<adapters::SampleRecord> records = journal.List("pupil", 0, 1'000'000);
    std::set<int64_t> missing = acknowledged;
    for (const adapters::SampleRecord& record : records) missing.erase(record.id);
    EXPECT_THAT(missing, ::testing::IsEmpty());
    EXPECT_EQ(records.size() % kTogether, 0u);  // what was not acknowledged is whole or not there
    const adapters::SampleCounts counts = journal.Count("pupil");
    EXPECT_EQ(counts.queued + counts.done(), static_cast<int64_t>(records.size()));
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(promoted, 0);
  EXPECT_GT(resumed, 0);
  // Whatever is still queued is trained on in the end, each sample once.
  SetOptions(room);
  room.Begin();
  room.learner->Stop("pupil");
  const auto events = room.learner->events().Subscribe();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (room.learner->Status("pupil").state != adapters::LearningState::kStopped &&
         std::chrono::steady_clock::now() < deadline) {
    (void)events->NextUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(10));
  }
  const LearningStatus status = room.learner->Status("pupil");
  EXPECT_EQ(status.queue_length, 0);
  EXPECT_EQ(status.samples_done, std::ssize(room.learner->Samples("pupil", 0, 1'000'000)));
  room.learner.reset();
  std::filesystem::remove_all(home);
}

}  // namespace
}  // namespace hyprstream::engine
