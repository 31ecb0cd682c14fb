// The page for Prometheus: vLLM's names, so that what reads vLLM reads this, and the program's own.
#include <algorithm>

#include "server/http/app.h"
#include "server/http/quota_metrics.h"
#include "server/metrics.h"

namespace hyprstream::server {
namespace {

constexpr size_t kMostAdapters = 100;  // told apart; label values must stay few

struct Scraped {
  const ServedModel* model;
  engine::EngineStats stats;
  Labels labels;
};

std::vector<Scraped> Scrape(const App& app) {
  std::vector<Scraped> scraped;
  for (const ServedModel& model : app.service.models()) {
    scraped.push_back(
        {&model, model.engine->Stats(), {{"engine", "0"}, {"model_name", model.name}}});
  }
  return scraped;
}

template <typename Value>
void EachModel(MetricsPage& page, const std::vector<Scraped>& all, const char* name,
               const char* type, const char* help, Value&& value) {
  page.Family(name, type, help);
  for (const Scraped& one : all) page.Sample(one.labels, static_cast<double>(value(one)));
}

double UsedShare(const engine::EngineStats& stats) {
  if (stats.pages_total == 0) return 0;
  return static_cast<double>(stats.pages_used) / static_cast<double>(stats.pages_total);
}

void WriteEngine(MetricsPage& page, const std::vector<Scraped>& all) {
  EachModel(page, all, "vllm:num_requests_running", "gauge", "Sequences in the running batch.",
            [](const Scraped& one) { return one.stats.running; });
  EachModel(page, all, "vllm:num_requests_waiting", "gauge", "Sequences that wait.",
            [](const Scraped& one) { return one.stats.waiting; });
  EachModel(page, all, "vllm:kv_cache_usage_perc", "gauge", "Share of the cache in use, 0 to 1.",
            [](const Scraped& one) { return UsedShare(one.stats); });
  EachModel(page, all, "vllm:gpu_cache_usage_perc", "gauge",
            "The same under the name it had before.",
            [](const Scraped& one) { return UsedShare(one.stats); });
  EachModel(page, all, "vllm:num_preemptions_total", "counter",
            "Sequences that gave up their pages and waited again.",
            [](const Scraped& one) { return one.stats.preemptions; });
  EachModel(page, all, "vllm:prompt_tokens_total", "counter", "Tokens of admitted prompts.",
            [](const Scraped& one) { return one.stats.prompt_tokens; });
  EachModel(page, all, "vllm:generation_tokens_total", "counter", "Tokens generated.",
            [](const Scraped& one) { return one.stats.generated_tokens; });
  EachModel(page, all, "vllm:prefix_cache_queries_total", "counter",
            "Prompt tokens looked for in the prefix cache.",
            [](const Scraped& one) { return one.stats.prompt_tokens; });
  EachModel(page, all, "vllm:prefix_cache_hits_total", "counter",
            "Prompt tokens found in the prefix cache.",
            [](const Scraped& one) { return one.stats.cached_tokens; });
  EachModel(page, all, "vllm:spec_decode_num_draft_tokens_total", "counter",
            "Tokens guessed from the text so far and checked.",
            [](const Scraped& one) { return one.stats.draft_tokens; });
  EachModel(page, all, "vllm:spec_decode_num_accepted_tokens_total", "counter",
            "Of these, tokens that became part of an answer.",
            [](const Scraped& one) { return one.stats.accepted_tokens; });
  EachModel(page, all, "hyprstream_engine_steps_total", "counter", "Steps of the engine.",
            [](const Scraped& one) { return one.stats.steps; });
  page.Family("vllm:cache_config_info", "gauge", "How the cache is divided.");
  for (const Scraped& one : all) {
    Labels labels = one.labels;
    labels.emplace_back("block_size", std::to_string(ops::kPageTokens));
    labels.emplace_back("num_gpu_blocks", std::to_string(one.stats.pages_total));
    page.Sample(labels, 1);
  }
}

void WriteRequests(MetricsPage& page, const std::vector<Scraped>& all) {
  const auto histogram = [&](const char* name, const char* help,
                             const Histogram ModelMetrics::*member) {
    page.Family(name, "histogram", help);
    for (const Scraped& one : all) page.Sample(one.labels, (*one.model->metrics).*member);
  };
  page.Family("vllm:request_success_total", "counter", "Answers by how they ended.");
  for (const Scraped& one : all) {
    const ModelMetrics& metrics = *one.model->metrics;
    for (const auto& [reason, count] : {std::pair<const char*, int64_t>{"stop", metrics.stopped},
                                        {"length", metrics.ended_by_length},
                                        {"abort", metrics.aborted},
                                        {"error", metrics.failed}}) {
      Labels labels = one.labels;
      labels.emplace_back("finished_reason", reason);
      page.Sample(labels, static_cast<double>(count));
    }
  }
  histogram("vllm:time_to_first_token_seconds", "From arrival to the first token.",
            &ModelMetrics::time_to_first_token);
  histogram("vllm:inter_token_latency_seconds", "Between two tokens of an answer.",
            &ModelMetrics::inter_token);
  histogram("vllm:request_time_per_output_token_seconds", "Mean time of a token of an answer.",
            &ModelMetrics::time_per_token);
  histogram("vllm:e2e_request_latency_seconds", "From arrival to the end of an answer.",
            &ModelMetrics::end_to_end);
  histogram("vllm:request_queue_time_seconds", "From arrival to the first step.",
            &ModelMetrics::queued);
  histogram("vllm:request_prefill_time_seconds", "From the first step to the first token.",
            &ModelMetrics::prefill);
  histogram("vllm:request_decode_time_seconds", "From the first token to the last.",
            &ModelMetrics::decode);
  histogram("vllm:request_inference_time_seconds", "From the first step to the last token.",
            &ModelMetrics::inference);
  histogram("vllm:request_prompt_tokens", "Tokens of a prompt.", &ModelMetrics::prompt_tokens);
  histogram("vllm:request_generation_tokens", "Tokens of an answer.",
            &ModelMetrics::generated_tokens);
  histogram("vllm:request_params_n", "Answers that a request asks for.", &ModelMetrics::choices);
}

std::string Join(std::vector<std::string> names) {
  if (names.size() > kMostAdapters) {
    names.resize(kMostAdapters);
    names.push_back("other");
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

void WriteAdapters(MetricsPage& page, const std::vector<Scraped>& all) {
  page.Family("vllm:lora_requests_info", "gauge", "Adapters of the requests in flight.");
  for (const Scraped& one : all) {
    std::vector<std::string> names = one.model->metrics->Adapters();
    std::erase(names, "base");
    Labels labels = one.labels;
    labels.emplace_back("max_lora", std::to_string(one.model->engine->options().max_sequences));
    labels.emplace_back("running_lora_adapters", Join(std::move(names)));
    labels.emplace_back("waiting_lora_adapters", "");
    page.Sample(
        labels,
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  }
  EachModel(page, all, "hyprstream_adapters_loaded", "gauge", "Versions of adapters in memory.",
            [](const Scraped& one) { return one.model->adapters->Loaded().size(); });
  page.Family("hyprstream_adapter_version", "gauge", "The version that is served.");
  for (const Scraped& one : all) {
    const auto served = one.model->adapters->List();
    for (size_t i = 0; i < std::min(served.size(), kMostAdapters); ++i) {
      page.Sample({{"model_name", one.model->name}, {"adapter", served[i].name}},
                  static_cast<double>(served[i].version));
    }
  }
}

void WriteMemory(MetricsPage& page, const App& app) {
  if (app.budget == nullptr) return;
  page.Family("hyprstream_memory_bytes", "gauge", "Memory held, by what it is for.");
  for (int use = 0; use < kMemoryUses; ++use) {
    const auto kind = static_cast<MemoryUse>(use);
    page.Sample({{"kind", std::string(MemoryUseName(kind))}},
                static_cast<double>(app.budget->held(kind).value));
  }
  page.Family("hyprstream_memory_limit_bytes", "gauge", "What may be held; 0: there is no limit.");
  page.Sample({}, static_cast<double>(app.budget->limit().value));
}

}  // namespace

void AddMetricsRoutes(Router& router, App& app) {
  router.Add({"GET", "/metrics", Access::kUse, [&app](Call&) {
                MetricsPage page;
                const std::vector<Scraped> all = Scrape(app);
                WriteEngine(page, all);
                WriteRequests(page, all);
                WriteAdapters(page, all);
                WriteMemory(page, app);
                WriteQuotas(page, app.quotas);
                app.http_metrics.Write(page);
                WriteProcessMetrics(page);
                return Reply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                             .body = page.Take()};
              }});
}

}  // namespace hyprstream::server
