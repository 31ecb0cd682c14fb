// Computing with a model that is no generation (embeddings, scores of a prompt): one after the
// other on a thread of its own, so that neither the engine's threads nor those that handle requests
// wait for it. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/load.h"
#include "server/http/error_reply.h"
#include "server/http/message.h"

namespace hyprstream::server {

class SideWork {
 public:
  /// What is computed: a reply, or an Error that becomes one. `called_off`: nobody waits any more.
  using Work = std::function<Reply(ops::Context& context, const std::atomic<bool>& called_off)>;

  SideWork();
  /// What has not begun is never done.
  ~SideWork();
  SideWork(const SideWork&) = delete;
  SideWork& operator=(const SideWork&) = delete;

  /// A reply whose `later` is what `work` will give. Errors: kUnavailable when too much is waiting.
  Reply Later(Work work, Dialect dialect);

 private:
  struct Job;
  class Result;

  void Run();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<Job>> jobs_;  // guarded by mutex_
  bool stop_ = false;                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace hyprstream::server
