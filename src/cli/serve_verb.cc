// `serve`: models behind HTTP until SIGTERM or SIGINT.
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "cli/background.h"
#include "cli/build_info.h"
#include "cli/data_home.h"
#include "cli/serve_flags.h"
#include "cli/serve_models.h"
#include "cli/shell.h"
#include "server/http/http_server.h"
#include "server/http/site.h"
#include "server/job_runner.h"

namespace hyprstream::cli {
namespace {

namespace fs = std::filesystem;

/// Signals that end the server are taken by the main thread alone.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Each connection takes a descriptor; the usual limit is far below what is allowed.
void AllowManyFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// What one thread frees, another one uses: with a heap for each, the process goes on growing
/// (docs/testing.md). Tokens take next to no memory, so nobody waits for the lock.
void ShareOneHeap() {
#ifdef __GLIBC__
  if (std::getenv("MALLOC_ARENA_MAX") == nullptr) mallopt(M_ARENA_MAX, 1);
#endif
}

server::HttpOptions Http(Shell& shell, const ServeFlags& flags) {
  server::HttpOptions http;
  http.host = flags.host.value_or(shell.settings.Text("server.host").value_or("127.0.0.1"));
  const int64_t port = flags.port.value_or(shell.settings.Integer("server.port").value_or(8080));
  if (port < 0 || port > 65535) {
    throw Error(ErrorCode::kUsage, {.message = "value out of range",
                                    .expected = "0 to 65535",
                                    .found = std::to_string(port),
                                    .where = "--port"});
  }
  http.port = static_cast<uint16_t>(port);
  http.tls = {.certificate = flags.tls_certificate,
              .key = flags.tls_key,
              .client_ca = flags.tls_client_ca,
              .minimum = flags.tls_min_version == "1.3" ? server::TlsVersion::k13
                                                        : server::TlsVersion::k12};
  return http;
}

/// Errors: kUsage for a host beyond this machine without keys; those of ApiKeys::Load.
std::optional<server::ApiKeys> Keys(const ServeFlags& flags, const std::string& host) {
  if (!flags.api_key_file.empty()) return server::ApiKeys::Load(flags.api_key_file);
  if (server::IsLoopback(host)) return std::nullopt;
  throw Error(ErrorCode::kUsage, {.message = "without keys only this machine is served",
                                  .expected = "a loopback address, or --api-key-file",
                                  .found = host,
                                  .where = "--host"});
}

std::vector<fs::path> LoraRoots(const ServeFlags& flags) {
  std::vector<fs::path> roots;
  for (const std::string& root : flags.lora_roots) {
    std::error_code failed;
    roots.push_back(fs::canonical(root, failed));
    if (!failed && fs::is_directory(roots.back(), failed)) continue;
    throw Error(ErrorCode::kUsage,
                {.message = "there is no such folder", .found = root, .where = "--lora-root"});
  }
  return roots;
}

/// Of config.toml, then of the flags.
server::AdapterQuotas LimitsOfAdapters(const Shell& shell, const ServeFlags& flags) {
  server::AdapterQuotas quotas;
  const std::string written = shell.settings.Text("quota.adapters").value_or("");
  server::ReadAdapterQuotas(written, "quota.adapters", quotas);
  for (const std::string& flag : flags.adapter_limits) {
    server::ReadAdapterQuotas(flag, "--adapter-limit", quotas);
  }
  return quotas;
}

LogLevel Level(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  return name == "warning" ? LogLevel::kWarning : LogLevel::kError;
}

server::SiteOptions SiteOf(const ServeFlags& flags, std::optional<server::ApiKeys> keys,
                           const std::string& host) {
  server::SiteOptions site{.keys = std::move(keys),
                           .local_hosts_only = server::IsLoopback(host),
                           .allowed_hosts = flags.allowed_hosts,
                           .log = {}};
  if (flags.log_format == "json") {
    site.log = [](const server::LogFields& fields) {
      const std::string line = server::AsJsonLine(fields);
      std::fwrite(line.data(), 1, line.size(), stderr);
    };
  } else {
    site.log = [](const server::LogFields& fields) { LogInfo(server::AsText(fields)); };
  }
  return site;
}

/// From the first byte listened for to the last one sent.
void ServeUntilSignal(Shell& shell, const ServeFlags& flags, const server::HttpOptions& http,
                      std::optional<server::ApiKeys> keys, std::optional<DetachedSide> detached) {
  const sigset_t end_signals = BlockEndSignals();
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  server::AdapterDesk desk(DataHome());
  server::FileDesk files(DataHome());
  server::JobDesk jobs(DataHome());
  const server::QuotaRules rules{
      .keys = keys ? keys->Limits() : std::map<std::string, server::QuotaLimits, std::less<>>(),
      .adapters = LimitsOfAdapters(shell, flags)};
  std::optional<server::QuotaDays> days;
  if (rules.any_day()) {
    days.emplace(DataHome(),
                 std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  }
  server::QuotaLedger quotas(rules, days ? &*days : nullptr);
  server::Service service(OpenModels(shell, flags, budget));
  server::JobRunner job_runner(DataHome(), service, files, jobs);
  server::SideWork side_work;
  server::App app{.service = service,
                  .limits = {.max_waiting = flags.max_waiting},
                  .program_version = kVersion,
                  .side_work = side_work,
                  .desk = desk,
                  .files = files,
                  .jobs = jobs,
                  .quotas = quotas,
                  .lora_roots = LoraRoots(flags),
                  .budget = &budget};
  server::Site site(app, SiteOf(flags, std::move(keys), http.host));
  server::HttpServer server(http, site);
  std::optional<PidFile> pid_file;
  if (!flags.pid_file.empty()) pid_file.emplace(flags.pid_file);
  server.Start();
  std::string told;
  for (const std::string& address : server.addresses()) {
    told += (http.tls.enabled() ? "listening on https://" : "listening on http://") + address;
    told += "\n";
  }
  if (detached) {
    detached->Ready(told, flags.log_file);
  } else {
    shell.out.Write(told);
    shell.out.Flush();
  }
  TellServiceManager("READY=1");
  int signal = 0;
  sigwait(&end_signals, &signal);
  TellServiceManager("STOPPING=1");
  app.draining = true;
  if (!server.Drain(std::chrono::seconds(flags.drain_seconds))) {
    LogWarning("some answers did not end in time and are cut off");
  }
}

int Serve(Shell& shell, const ServeFlags& flags) {
  std::optional<DetachedSide> detached = DetachedSide::Take();
  if (flags.detach && !detached) {
    std::string told;
    const int status = RunDetached(told);
    shell.out.Write(told);
    return status;
  }
  if (!flags.working_directory.empty()) fs::current_path(flags.working_directory);
  const server::HttpOptions http = Http(shell, flags);
  std::optional<server::ApiKeys> keys = Keys(flags, http.host);
  SetLogLevel(Level(flags.log_level));
  AllowManyFiles();
  ShareOneHeap();
  if (!flags.log_file.empty()) LogTo(flags.log_file);
  ServeUntilSignal(shell, flags, http, std::move(keys), std::move(detached));
  return 0;
}

}  // namespace

void AddServeVerb(CLI::App& root, Shell& shell) {
  for (const char* name : {"serve", "server"}) {
    const auto flags = std::make_shared<ServeFlags>();
    CLI::App& verb = AddVerb(root, shell, name, "Serve models over HTTP",
                             std::string("hyprstream ") + name + " --model willowbrook --port 8080",
                             [&shell, flags] { return Serve(shell, *flags); });
    flags->Register(verb);
  }
}

}  // namespace hyprstream::cli
