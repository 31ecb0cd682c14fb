#include "cli/background.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"

extern char** environ;  // POSIX declares it nowhere

namespace hyprstream::cli {
namespace {

constexpr const char* kPipeVariable = "HYPRSTREAM_READY_PIPE";

[[noreturn]] void Fail(const std::string& what) {
  throw Error(ErrorCode::kIo, {.message = what, .found = std::strerror(errno)});
}

void Redirect(const std::string& file, int flags, int descriptor) {
  const int opened = ::open(file.c_str(), flags | O_CLOEXEC, 0600);
  if (opened < 0) Fail("cannot open " + file);
  if (::dup2(opened, descriptor) < 0) Fail("cannot redirect output to " + file);
  ::close(opened);
}

/// Of a process that lives; 0 when the file names none.
int LivingProcess(const std::filesystem::path& path) {
  std::ifstream file(path);
  int pid = 0;
  if (!(file >> pid) || pid <= 0 || pid == ::getpid()) return 0;
  return ::kill(pid, 0) == 0 || errno == EPERM ? pid : 0;
}

/// Texts that end with a zero byte each.
std::vector<std::string> ReadWords(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::vector<std::string> ReadVariables() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void ReadAll(int descriptor, std::string& into) {
  std::array<char, 512> bytes{};
  for (;;) {
    const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    into.append(bytes.data(), static_cast<size_t>(count));
  }
}

}  // namespace

int RunDetached(std::string& told) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) Fail("cannot make a pipe");
  std::vector<std::string> words = ReadWords("/proc/self/cmdline");
  std::vector<std::string> variables = ReadVariables();
  variables.push_back(std::string(kPipeVariable) + "=" + std::to_string(ends[1]));
  std::vector<char*> arguments = Pointers(words);
  std::vector<char*> environment = Pointers(variables);
  const pid_t child = ::fork();
  if (child < 0) Fail("cannot go into the background");
  if (child == 0) {
    // Only what is safe after a fork, until the program begins anew.
    ::fcntl(ends[1], F_SETFD, 0);
    ::setsid();
    ::execve("/proc/self/exe", arguments.data(), environment.data());
    ::_exit(1);
  }
  ::close(ends[1]);
  ReadAll(ends[0], told);
  ::close(ends[0]);
  if (!told.empty()) return 0;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

std::optional<DetachedSide> DetachedSide::Take() {
  const char* text = std::getenv(kPipeVariable);
  if (text == nullptr) return std::nullopt;
  const int pipe = std::atoi(text);
  ::unsetenv(kPipeVariable);
  ::fcntl(pipe, F_SETFD, FD_CLOEXEC);
  return DetachedSide(pipe);
}

DetachedSide::DetachedSide(DetachedSide&& other) noexcept : pipe_(std::exchange(other.pipe_, -1)) {}

DetachedSide::~DetachedSide() {
  if (pipe_ >= 0) ::close(pipe_);
}

void DetachedSide::Ready(const std::string& told, const std::string& log) {
  Redirect("/dev/null", O_RDONLY, STDIN_FILENO);
  Redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
  if (log.empty()) Redirect("/dev/null", O_WRONLY, STDERR_FILENO);
  size_t sent = 0;
  while (sent < told.size()) {
    const ssize_t count = ::write(pipe_, told.data() + sent, told.size() - sent);
    if (count < 0 && errno != EINTR) break;
    if (count > 0) sent += static_cast<size_t>(count);
  }
  ::close(std::exchange(pipe_, -1));
}

void LogTo(const std::string& file) {
  Redirect(file, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
}

PidFile::PidFile(std::filesystem::path path) : path_(std::filesystem::absolute(path)) {
  if (const int pid = LivingProcess(path_); pid != 0) {
    throw Error(ErrorCode::kAlreadyExists, {.message = "another process has this PID file",
                                            .found = "process " + std::to_string(pid),
                                            .where = path_.string()});
  }
  AtomicFile file(path_);
  file.Write(std::to_string(::getpid()) + "\n");
  file.Commit();
}

PidFile::~PidFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void TellServiceManager(const std::string& state) {
  const char* name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || *name == '\0') return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(name);
  if (length >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, name, length);
  if (name[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  (void)::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(socket);
}

}  // namespace hyprstream::cli
