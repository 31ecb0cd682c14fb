// What the routes share, and the functions that add each family of them. The families' sources hold
// handlers and nothing about sockets.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "server/http/router.h"
#include "server/http/side_work.h"
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
  std::atomic<bool> draining{false};

  /// Errors: kUnavailable when too many requests wait already, or the server is about to end.
  void Admit(const ServedModel& model) const;
};

void AddHealthRoutes(Router& router, App& app);
void AddModelRoutes(Router& router, App& app);
void AddChatRoutes(Router& router, App& app);
void AddCompletionRoutes(Router& router, App& app);
void AddEmbeddingRoutes(Router& router, App& app);
void AddTokenRoutes(Router& router, App& app);
void AddOllamaRoutes(Router& router, App& app);
void AddOllamaModelRoutes(Router& router, App& app);

/// Headers that name who answered.
void NameSpeaker(const Speaker& speaker, RequestRecord& record, Headers& headers);

}  // namespace hyprstream::server
