// What the routes share, and the functions that add each family of them. The families' sources hold
// handlers and nothing about sockets.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "server/adapter_desk.h"
#include "server/file_desk.h"
#include "server/http/router.h"
#include "server/http/side_work.h"
#include "server/job_desk.h"
#include "server/metrics.h"
#include "server/quota_ledger.h"
#include "server/service.h"

namespace hyprstream::server {

struct AppLimits {
  int64_t max_waiting = 256;     // requests that wait for the engine; more are told to come later
  int64_t max_choices = 128;     // n × prompts of one request
  int32_t max_tokens = 1 << 20;  // of one answer; the context ends it before
};

/// Outlives every handler. Thread-safe.
struct App {
  Service& service;
  AppLimits limits;
  std::string program_version;
  SideWork& side_work;
  AdapterDesk& desk;
  FileDesk& files;
  JobDesk& jobs;
  QuotaLedger& quotas;
  std::vector<std::filesystem::path> lora_roots =
      {};                                // canonical; adapters may be loaded from there
  const MemoryBudget* budget = nullptr;  // shown by the metrics, when there is one
  HttpMetrics http_metrics = {};
  std::atomic<bool> draining{false};

  /// Errors: kUnavailable when too many requests wait already, or the server is about to end.
  void Admit(const ServedModel& model) const;
};

void AddHealthRoutes(Router& router, App& app);
void AddModelRoutes(Router& router, App& app);
void AddChatRoutes(Router& router, App& app);
void AddCompletionRoutes(Router& router, App& app);
void AddEmbeddingRoutes(Router& router, App& app);
void AddAdapterRoutes(Router& router, App& app);
void AddLearningRoutes(Router& router, App& app);
void AddEventRoutes(Router& router, App& app);
void AddFileRoutes(Router& router, App& app);
void AddJobRoutes(Router& router, App& app);
void AddLoraRoutes(Router& router, App& app);
void AddMetricsRoutes(Router& router, App& app);
void AddPageRoutes(Router& router);
void AddPlacementRoutes(Router& router, App& app);
void AddTokenRoutes(Router& router, App& app);
void AddOllamaRoutes(Router& router, App& app);
void AddOllamaModelRoutes(Router& router, App& app);

/// What an answer is remembered by, so that feedback on it can teach the adapter that gave it: the
/// result is to be called with the answer's text. `messages`: a JSON list; or `text` that was
/// continued.
struct Question {
  std::string messages = {};
  std::string text = {};
};
std::function<void(std::string)> Rememberer(const Speaker& speaker, const std::string& id,
                                            Question question);

/// Headers that name who answered.
void NameSpeaker(const Speaker& speaker, RequestRecord& record, Headers& headers);

}  // namespace hyprstream::server
