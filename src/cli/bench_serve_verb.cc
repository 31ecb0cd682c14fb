// `bench serve`: what the server makes of the engine. Several streams, adapters, training and HTTP
// are each held against doing without, side by side in every round, so that a shared machine's
// moods meet both.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "base/error.h"
#include "cli/bench_client.h"
#include "cli/bench_report.h"
#include "cli/bench_server.h"
#include "cli/bench_subject.h"
#include "cli/document.h"
#include "cli/engine_flags.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct ServeBenchFlags {
  SubjectFlags subject;
  int64_t streams = 16;
  int64_t prompt_tokens = 16;
  int64_t tokens = 32;
  int64_t rounds = 5;
  std::string format = "table";
  bool as_json = false;
  EngineFlags engine;
};

/// What is measured once in every round.
enum class Load { kOne, kMany, kAdapters, kEngine, kOneTraining, kManyTraining };
constexpr std::array kLoads{Load::kOne,    Load::kMany,        Load::kAdapters,
                            Load::kEngine, Load::kOneTraining, Load::kManyTraining};

const char* NameOf(Load load) {
  switch (load) {
    case Load::kOne:
      return "one_stream";
    case Load::kMany:
      return "streams";
    case Load::kAdapters:
      return "streams_with_adapters";
    case Load::kEngine:
      return "streams_without_http";
    case Load::kOneTraining:
      return "one_stream_while_training";
    case Load::kManyTraining:
      return "streams_while_training";
  }
  return "";
}

struct Measured {
  double streams = 1;
  double tokens_per_second = 0;
  double seconds = 0;
  std::optional<Spread> gaps;  // between two tokens of a stream
  double train_share = 0;      // of the time, lent to training
};

class Bench {
 public:
  Bench(const ServeBenchFlags& flags, BenchServer& server, const engine::LoadedModel& loaded)
      : flags_(flags), server_(server), loaded_(loaded) {}

  Measured Run(Load load) {
    std::unique_ptr<BenchServer::Training> training;
    if (load == Load::kOneTraining || load == Load::kManyTraining) training = server_.Train();
    const bool one = load == Load::kOne || load == Load::kOneTraining;
    const auto lent_before = server_.engine().Stats().lent_between;
    const LoadTimes times = load == Load::kEngine
                                ? AskEngine()
                                : AskTogether(server_.port(), Bodies(one ? 1 : flags_.streams,
                                                                     load == Load::kAdapters));
    const std::chrono::duration<double> lent = server_.engine().Stats().lent_between - lent_before;
    Measured measured{.streams = one ? 1.0 : static_cast<double>(flags_.streams),
                      .tokens_per_second = static_cast<double>(times.tokens) / times.seconds,
                      .seconds = times.seconds,
                      .gaps = {},
                      .train_share = lent.count() / times.seconds};
    if (!times.gaps.empty()) measured.gaps = SpreadOf(times.gaps);
    return measured;
  }

 private:
  std::vector<int32_t> Prompt() {
    std::uniform_int_distribution<int32_t> any(
        0, static_cast<int32_t>(loaded_.model->config().vocab_size - 1));
    std::vector<int32_t> ids(static_cast<size_t>(flags_.prompt_tokens));
    for (int32_t& id : ids) id = any(random_);
    return ids;
  }

  std::vector<std::string> Bodies(int64_t streams, bool adapters) {
    std::vector<std::string> bodies;
    for (int64_t i = 0; i < streams; ++i) {
      const std::string model = adapters ? "random" + std::to_string(i) : loaded_.name;
      bodies.push_back(
          json::serialize(json::object{{"model", model},
                                       {"prompt", json::value_from(Prompt())},
                                       {"max_tokens", flags_.tokens},
                                       {"temperature", 0},
                                       {"ignore_eos", true},
                                       {"stream", true},
                                       {"stream_options", {{"include_usage", true}}}}));
    }
    return bodies;
  }

  // One after the other: what the others have said waits in their queues and costs nothing.
  LoadTimes AskEngine() {
    std::vector<engine::GenerationRequest> requests(static_cast<size_t>(flags_.streams));
    for (engine::GenerationRequest& request : requests) {
      request.prompt = Prompt();
      request.max_tokens = static_cast<int32_t>(flags_.tokens);
      request.sampling.temperature = 0;
      request.ignore_eos = true;
    }
    LoadTimes times;
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<engine::Generation>> streams;
    for (engine::GenerationRequest& request : requests) {
      streams.push_back(server_.engine().Submit(std::move(request)));
    }
    for (const auto& stream : streams) {
      while (const auto event = stream->Next()) {
        const auto* finished = std::get_if<engine::Finished>(&*event);
        if (finished == nullptr) continue;
        if (finished->error) throw *finished->error;
        times.tokens += finished->usage.generated_tokens;
      }
    }
    times.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return times;
  }

  const ServeBenchFlags& flags_;
  BenchServer& server_;
  const engine::LoadedModel& loaded_;
  std::mt19937 random_{1};
};

using Rounds = std::map<Load, std::vector<Measured>>;

/// Every load in turns, in one order and then in the other. A first round warms up.
Rounds MeasureAll(Bench& bench, int64_t rounds) {
  Rounds measured;
  std::vector<Load> order(kLoads.begin(), kLoads.end());
  for (int64_t round = -1; round < rounds; ++round) {
    for (const Load load : order) {
      Measured one = bench.Run(load);
      if (round >= 0) measured[load].push_back(std::move(one));
    }
    std::ranges::reverse(order);
  }
  return measured;
}

template <typename Value>
Spread SpreadOver(const std::vector<Measured>& rounds, Value&& value) {
  std::vector<double> values;
  for (const Measured& round : rounds) values.push_back(value(round));
  return SpreadOf(std::move(values));
}

json::object LoadObject(const std::vector<Measured>& rounds) {
  const Spread rate = SpreadOver(rounds, [](const Measured& m) { return m.tokens_per_second; });
  const Spread seconds = SpreadOver(rounds, [](const Measured& m) { return m.seconds; });
  json::object object{{"tokens_per_second", rate.median},
                      {"median_seconds", seconds.median},
                      {"p95_seconds", seconds.p95},
                      {"n", seconds.n}};
  if (!rounds.front().gaps) return object;
  object["inter_token"] = {
      {"median_seconds",
       SpreadOver(rounds, [](const Measured& m) { return m.gaps->median; }).median},
      {"p95_seconds", SpreadOver(rounds, [](const Measured& m) { return m.gaps->p95; }).median},
      {"n", rounds.front().gaps->n * rounds.size()}};
  return object;
}

/// Of what two loads had in the same round.
template <typename Value>
json::object Ratio(const Rounds& rounds, Load load, Load against, Value&& value, const char* bound,
                   double bar) {
  std::vector<double> ratios;
  for (size_t i = 0; i < rounds.at(load).size(); ++i) {
    ratios.push_back(value(rounds.at(load)[i]) / value(rounds.at(against)[i]));
  }
  const Spread spread = SpreadOf(ratios);
  return {{"median", spread.median},
          {"p95", spread.p95},
          {"least", std::ranges::min(ratios)},
          {"n", spread.n},
          {bound, bar}};
}

json::object Ratios(const Rounds& rounds) {
  const auto rate = [](const Measured& m) { return m.tokens_per_second; };
  const auto between = [](const Measured& m) { return m.streams / m.gaps->median; };
  const auto latency = [](const Measured& m) { return m.gaps->p95; };
  json::object ratios;
  ratios["streams_to_one"] = Ratio(rounds, Load::kMany, Load::kOne, rate, "at_least", 6.0);
  ratios["streams_to_one_without_prompts"] =
      Ratio(rounds, Load::kMany, Load::kOne, between, "at_least", 6.0);
  ratios["adapters_to_none"] = Ratio(rounds, Load::kAdapters, Load::kMany, rate, "at_least", 0.9);
  ratios["http_to_engine"] = Ratio(rounds, Load::kMany, Load::kEngine, rate, "at_least", 0.97);
  ratios["latency_training_to_idle"] = {
      {"one_stream", Ratio(rounds, Load::kOneTraining, Load::kOne, latency, "at_most", 1.5)},
      {"streams", Ratio(rounds, Load::kManyTraining, Load::kMany, latency, "at_most", 1.5)}};
  return ratios;
}

void CheckFlags(const ServeBenchFlags& flags) {
  CheckBenchValue("--streams", flags.streams, 512);
  CheckBenchValue("--prompt-tokens", flags.prompt_tokens, 1 << 16);
  CheckBenchValue("--tokens", flags.tokens, 1 << 16);
  CheckBenchValue("--rounds", flags.rounds, 1000);
  if (flags.tokens < 3) {
    throw Error(ErrorCode::kUsage, {.message = "too few tokens to time what lies between them",
                                    .expected = "3 or more",
                                    .found = std::to_string(flags.tokens),
                                    .where = "--tokens"});
  }
}

int BenchServe(Shell& shell, const ServeBenchFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  CheckFlags(flags);
  engine::EngineOptions options = flags.engine.Resolve(shell.settings);
  options.context = flags.prompt_tokens + flags.tokens + 1;
  options.draft_tokens = 0;  // random weights repeat themselves
  options.max_sequences = static_cast<int32_t>(std::max<int64_t>(flags.streams, 64));
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  const TemporaryFolder folder;
  BenchSubject subject;
  int threads = 0;
  {
    engine::Compute compute(options.threads);
    threads = compute.context().pool.threads();
    subject = OpenSubject(shell, flags.subject, compute, budget, engine::TokenizerNeed::kRequired);
  }
  if (!subject.loaded.tokenizer) AddWords(subject.loaded, folder.path() / "model");
  BenchServer server(subject.loaded, options, folder.path(), budget);
  server.AddAdapters(flags.streams);
  Bench bench(flags, server, subject.loaded);
  const Rounds rounds = MeasureAll(bench, flags.rounds);

  json::object document{{"bench", "serve"},
                        {"model", subject.name},
                        {"type", Name(subject.type)},
                        {"streams", flags.streams},
                        {"prompt_tokens", flags.prompt_tokens},
                        {"new_tokens", flags.tokens},
                        {"train_share", server.engine().options().train_share}};
  json::object loads;
  for (const Load load : kLoads) loads[NameOf(load)] = LoadObject(rounds.at(load));
  for (const Load load : {Load::kOneTraining, Load::kManyTraining}) {
    loads[NameOf(load)].as_object()["train_share"] =
        SpreadOver(rounds.at(load), [](const Measured& m) { return m.train_share; }).median;
  }
  document["ratios"] = Ratios(rounds);
  document["loads"] = std::move(loads);
  document["machine"] = MachineDocument(threads);
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddBenchServeVerb(CLI::App& bench, Shell& shell) {
  const auto flags = std::make_shared<ServeBenchFlags>();
  flags->subject.type = "q8_0";
  CLI::App& verb = AddVerb(bench, shell, "serve", "Streams, adapters, training and HTTP",
                           "hyprstream bench serve --shape qwen3-0.6b --type q8_0 --json",
                           [&shell, flags] { return BenchServe(shell, *flags); });
  flags->subject.Register(verb);
  verb.add_option("--streams", flags->streams, "Requests at once, each with an adapter of its own");
  verb.add_option("--prompt-tokens", flags->prompt_tokens, "Length of each prompt");
  verb.add_option("--tokens", flags->tokens, "Tokens generated by each");
  verb.add_option("--rounds", flags->rounds, "Rounds that count; one more warms up");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  flags->engine.Register(verb);
}

}  // namespace hyprstream::cli
