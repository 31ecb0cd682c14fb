#include "cli/bench_server.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/store.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/bench_adapters.h"
#include "cli/build_info.h"
#include "server/http/http_server.h"
#include "server/http/site.h"
#include "server/job_runner.h"
#include "text/tokenizer.h"

namespace hyprstream::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPupil = "pupil";
constexpr int64_t kSamples = 16;
constexpr uint64_t kRehearsed = 32;
constexpr int64_t kSampleTokens = 32;  // half of them targets
constexpr std::chrono::seconds kPatience{60};

void WriteText(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw Error(ErrorCode::kIo, {.message = "cannot write", .where = path});
}

adapters::NewAdapter AdapterNamed(const std::string& name, const engine::LoadedModel& loaded) {
  return {
      .name = name,
      .kind = "sparse",
      .base_model = loaded.name,
      .base_fingerprint = loaded.model->fingerprint(),
      .spec = adapters::WriteSpec(adapters::DefaultSpec(
          adapters::AdapterKind::kSparse, loaded.model->config(), loaded.model->fingerprint()))};
}

training::Sample RandomSample(int64_t vocab, uint64_t seed) {
  const CounterRandom random(seed);
  training::Sample sample;
  for (int64_t t = 0; t < kSampleTokens; ++t) {
    const auto n = static_cast<uint64_t>(t);
    sample.ids.push_back(static_cast<int32_t>(random.Uniform(n) * static_cast<double>(vocab)));
    sample.labels.push_back(t < kSampleTokens / 2 ? training::kIgnoredLabel : sample.ids.back());
  }
  return sample;
}

std::string ListOf(const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return "[" + text + "]";
}

std::vector<adapters::NewSample> NewSamples(int64_t vocab, uint64_t seed) {
  std::vector<adapters::NewSample> samples;
  for (int64_t i = 0; i < kSamples; ++i) {
    const training::Sample sample = RandomSample(vocab, seed + static_cast<uint64_t>(i));
    samples.push_back({.body = R"({"ids": )" + ListOf(sample.ids) + R"(, "labels": )" +
                               ListOf(sample.labels) + "}"});
  }
  return samples;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = fs::temp_directory_path() / "hyprstream-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw Error(ErrorCode::kIo, {.message = "cannot make a temporary folder", .where = pattern});
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void AddWords(engine::LoadedModel& loaded, const fs::path& folder) {
  std::string vocabulary;
  for (int64_t id = 0; id < loaded.model->config().vocab_size; ++id) {
    const std::string number = std::to_string(id);
    vocabulary += (id == 0 ? "\"\u0120w" : ",\"\u0120w") + number + "\":" + number;
  }
  fs::create_directories(folder);
  WriteText(folder / "config.json", "{}");
  WriteText(folder / "model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  WriteText(folder / "tokenizer.json",
            R"({"added_tokens": [], "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space":)"
            R"( false, "trim_offsets": true, "use_regex": true}, "decoder": {"type": "ByteLevel"},)"
            R"( "model": {"type": "BPE", "merges": [], "vocab": {)" +
                vocabulary + "}}}");
  loaded.files = formats::ModelFiles::Open(folder);
  loaded.tokenizer = engine::OpenTokenizer(*loaded.files, engine::TokenizerNeed::kRequired);
  loaded.prompts = engine::PromptBuilder::Create(*loaded.files, loaded.tokenizer);
}

struct BenchServer::Parts {
  Parts(const engine::LoadedModel& given, const engine::EngineOptions& options,
        const fs::path& folder, MemoryBudget& memory)
      : loaded(given),
        home(folder / "served"),
        school(folder / "taught"),
        budget(memory),
        desk(home),
        files(home),
        jobs(home),
        service(Models(options)),
        job_runner(home, service, files, jobs),
        app{.service = service,
            .limits = {},
            .program_version = kVersion,
            .side_work = side_work,
            .desk = desk,
            .files = files,
            .jobs = jobs,
            .quotas = quotas,
            .budget = &budget},
        site(app, {}),
        http({.port = 0}, site) {
    http.Start();
  }

  std::vector<server::ServedModel> Models(const engine::EngineOptions& options) {
    server::ServedModel served;
    served.loaded = loaded;
    served.name = loaded.name;
    served.reference = loaded.name;
    served.created = std::time(nullptr);
    served.adapters = std::make_unique<engine::ServingAdapters>(
        loaded.model, engine::ServingAdapters::Options{.home = home}, &budget);
    served.engine = engine::Engine::Create(loaded.model, loaded.tokenizer, options, &budget);
    // One that nobody asks to learn: answers are remembered there as they are in `serve`.
    served.learner = std::make_unique<engine::Learner>(
        engine::PartsOf(loaded, *served.engine, home), engine::LearnerOptions{});
    std::vector<server::ServedModel> models;
    models.push_back(std::move(served));
    return models;
  }
  engine::Engine& engine() { return *service.models().front().engine; }

  const engine::LoadedModel loaded;
  const fs::path home;
  const fs::path school;  // a catalogue apart, so that nothing is learnt between trainings
  MemoryBudget& budget;
  server::AdapterDesk desk;
  server::FileDesk files;
  server::JobDesk jobs;
  server::Service service;
  server::JobRunner job_runner;
  server::SideWork side_work;
  server::QuotaLedger quotas{{}};  // nothing is limited
  server::App app;
  server::Site site;
  server::HttpServer http;
  uint64_t seed = 1;
};

BenchServer::BenchServer(const engine::LoadedModel& loaded, const engine::EngineOptions& options,
                         const fs::path& folder, MemoryBudget& budget)
    : parts_(std::make_unique<Parts>(loaded, options, folder, budget)) {}

BenchServer::~BenchServer() = default;

uint16_t BenchServer::port() const { return parts_->http.port(); }

engine::Engine& BenchServer::engine() { return parts_->engine(); }

void BenchServer::AddAdapters(int64_t count) {
  adapters::AdapterStore store(parts_->home);
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = "random" + std::to_string(i);
    store.Create(AdapterNamed(name, parts_->loaded));
    store.AddVersion(name, {}, [&](const fs::path& path) {
      return RandomAdapter(*parts_->loaded.model, static_cast<uint64_t>(i))
          .Save(path, {.name = name});
    });
  }
}

std::unique_ptr<BenchServer::Training> BenchServer::Train() {
  struct Lesson : Training {
    std::unique_ptr<engine::Learner> learner;
  };
  const engine::LoadedModel& loaded = parts_->loaded;
  const int64_t vocab = loaded.model->config().vocab_size;
  engine::LearnerParts learning = engine::PartsOf(loaded, engine(), parts_->school);
  learning.rehearse = [vocab](const std::function<void()>&) {
    std::vector<training::Sample> samples;
    for (uint64_t i = 0; i < kRehearsed; ++i) samples.push_back(RandomSample(vocab, ~i));
    return samples;
  };
  {
    adapters::AdapterStore store(parts_->school);
    if (store.List().empty()) store.Create(AdapterNamed(kPupil, loaded));
  }
  auto lesson = std::make_unique<Lesson>();
  lesson->learner =
      std::make_unique<engine::Learner>(std::move(learning), engine::LearnerOptions{});
  if (lesson->learner->Status(kPupil).queue_length < kSamples) {
    lesson->learner->AddSamples(kPupil, NewSamples(vocab, parts_->seed));
    parts_->seed += kSamples;
  }
  lesson->learner->Start(kPupil);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!engine().turns().wanted()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw Error(ErrorCode::kUnavailable, {.message = "learning does not begin",
                                            .expected = "a first step within a minute"});
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return lesson;
}

}  // namespace hyprstream::cli
