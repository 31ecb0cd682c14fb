// Where the time went, from the start of the program: laps one after the other, so that together
// they are the whole. One thread.
#pragma once

#include <boost/json/fwd.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace hyprstream::cli {

class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  /// The first lap begins when the operating system started the process.
  Profile();

  /// Ends the running lap under this name; laps of the same name are added up.
  void Lap(const std::string& name);
  /// As Lap, but the lap is divided: parts that were measured elsewhere, the rest under `name`.
  void Lap(const std::string& name,
           const std::vector<std::pair<std::string, std::chrono::nanoseconds>>& parts);

  /// {"wall_seconds", "covered", "phases": [{"phase", "seconds", "share"}]}
  boost::json::value Document() const;
  /// The document as a table for standard error.
  std::string Table() const;

 private:
  void Add(const std::string& name, std::chrono::nanoseconds time);

  Clock::time_point begin_;
  Clock::time_point last_;
  std::vector<std::pair<std::string, std::chrono::nanoseconds>> laps_;
};

}  // namespace hyprstream::cli
