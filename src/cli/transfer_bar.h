// What a pull shows on standard error while it runs: a line for each file on its way and one for
// all together, with rate and time left. Nothing when standard error is no terminal. One thread at
// a time; the listener must not outlive the bar.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>

#include "cli/terminal.h"
#include "registry/transfer_progress.h"

namespace hyprstream::cli {

/// Bytes a second over the last few seconds.
class Rate {
 public:
  using Clock = std::chrono::steady_clock;
  void Add(Clock::time_point when, uint64_t done);
  /// 0 before anything can be said.
  double bytes_per_second() const;

 private:
  std::deque<std::pair<Clock::time_point, uint64_t>> seen_;
};

/// "model.safetensors  ████░░  63 %  1.2 of 1.9 GiB  85.0 MiB/s  9 s left"
std::string TransferLine(const std::string& name, uint64_t done, uint64_t size, double rate);

class TransferBar {
 public:
  explicit TransferBar(const Terminal& terminal) : enabled_(terminal.errors) {}
  /// Wipes its lines.
  ~TransferBar() { Clear(); }
  TransferBar(const TransferBar&) = delete;
  TransferBar& operator=(const TransferBar&) = delete;

  registry::TransferListener Listener();
  /// A line above the bars, which stays.
  void Note(const std::string& text);
  void Clear();

 private:
  struct File {
    std::string name;
    uint64_t done = 0;
    uint64_t size = 0;
    Rate rate;
  };
  void Show(const registry::TransferUpdate& update);
  void Draw(const registry::TransferUpdate& update);

  bool enabled_;
  int lines_ = 0;
  std::map<size_t, File> running_;
  Rate rate_;
};

}  // namespace hyprstream::cli
