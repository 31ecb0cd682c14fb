// What a program does to be a good service: going into the background, saying its number, telling a
// service manager that it is ready. Main thread only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace hyprstream::cli {

/// Starts this program once more, with the same arguments, in a session of its own, and waits until
/// it says that it is ready or ends. Returns the status to end with; `told` is what it said. A
/// plain fork would not do: libraries have threads by the time main begins. Errors: kIo.
int RunDetached(std::string& told);

/// In the process that RunDetached started.
class DetachedSide {
 public:
  /// Nothing in any other process.
  static std::optional<DetachedSide> Take();
  DetachedSide(DetachedSide&& other) noexcept;
  DetachedSide& operator=(DetachedSide&&) = delete;
  ~DetachedSide();

  /// Lets the first process end, and lets go of the terminal: what is written goes to `log`, where
  /// LogTo has sent it, or nowhere when that is empty. Errors: kIo.
  void Ready(const std::string& told, const std::string& log);

 private:
  explicit DetachedSide(int pipe) : pipe_(pipe) {}
  int pipe_ = -1;
};

/// Sends the log, and whatever is written to standard error, to a file. Errors: kIo.
void LogTo(const std::string& file);

/// A file with the process's number that goes away with the object.
class PidFile {
 public:
  /// Errors: kAlreadyExists when it names a process that lives; those of AtomicFile.
  explicit PidFile(std::filesystem::path path);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::filesystem::path path_;
};

/// One line of sd_notify's protocol, such as "READY=1"; nothing without a service manager.
void TellServiceManager(const std::string& state);

}  // namespace hyprstream::cli
