// A whole server in this process to measure: engine, adapters, learner and HTTP on a free port of
// loopback, all that it writes in a temporary folder that goes with it. The verb's thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/memory_budget.h"
#include "engine/engine.h"
#include "engine/load.h"

namespace hyprstream::cli {

/// A folder of its own below the system's temporary one, removed with what is in it.
class TemporaryFolder {
 public:
  /// Errors: kIo.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Gives random weights what a server needs besides: a tokenizer in which every id is a word, and
/// files (in `folder`) without tensors.
void AddWords(engine::LoadedModel& loaded, const std::filesystem::path& folder);

class BenchServer {
 public:
  /// `loaded` has a tokenizer. `budget` and `folder` outlive the server. Errors: those of Engine,
  /// the catalogue and HttpServer.
  BenchServer(const engine::LoadedModel& loaded, const engine::EngineOptions& options,
              const std::filesystem::path& folder, MemoryBudget& budget);
  ~BenchServer();
  BenchServer(const BenchServer&) = delete;
  BenchServer& operator=(const BenchServer&) = delete;

  uint16_t port() const;
  engine::Engine& engine();
  /// Random adapters of the default shape, promoted as "random0" and so on.
  void AddAdapters(int64_t count);

  /// An adapter is taught, as `serve` teaches one, for as long as this lives. Half of what it
  /// learns is rehearsal, ready-made: drawn by the model it would take minutes, which `serve`
  /// spends once.
  class Training {
   public:
    virtual ~Training() = default;
  };
  /// It wants a turn when this returns. Errors: those of Learner; kUnavailable when it does not.
  std::unique_ptr<Training> Train();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hyprstream::cli
