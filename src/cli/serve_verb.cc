// `serve`: models behind HTTP until SIGTERM or SIGINT.
#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "cli/build_info.h"
#include "cli/cache_settings.h"
#include "cli/data_home.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/sampling_flags.h"
#include "cli/serve_flags.h"
#include "cli/shell.h"
#include "server/http/http_server.h"
#include "server/http/site.h"

namespace hyprstream::cli {
namespace {

constexpr int32_t kServingTokens = 512;  // of an answer, when nobody says
constexpr std::chrono::seconds kDrainPatience{30};

server::ServedModel OpenServed(Shell& shell, const ServeFlags& flags, const std::string& reference,
                               const std::string& name, MemoryBudget& budget) {
  const engine::EngineOptions options = flags.engine.Resolve(shell.settings);
  server::ServedModel served;
  {
    ProgressBar bar(shell.terminal);
    engine::Compute compute(options.threads);
    served.loaded =
        engine::OpenModel(ResolveModel(reference), compute, engine::TokenizerNeed::kRequired,
                          {.arithmetic = ops::Arithmetic::kServing,
                           .budget = &budget,
                           .progress = bar.Listener(),
                           .repack = RepackSettings(shell.settings)});
  }
  served.name = name.empty() ? served.loaded.name : name;
  served.created = std::time(nullptr);
  served.defaults = SamplingFlags{}.Resolve(shell.settings, served.loaded.defaults, kServingTokens);
  served.adapters = std::make_unique<engine::ServingAdapters>(
      served.loaded.model, engine::ServingAdapters::Options{.home = DataHome()}, &budget);
  served.engine =
      engine::Engine::Create(served.loaded.model, served.loaded.tokenizer, options, &budget);
  return served;
}

/// Signals that end the server are taken by the main thread alone.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

server::HttpOptions Http(Shell& shell, const ServeFlags& flags) {
  server::HttpOptions http;
  http.host = flags.host.value_or(shell.settings.Text("server.host").value_or("127.0.0.1"));
  http.port = static_cast<uint16_t>(
      flags.port.value_or(shell.settings.Integer("server.port").value_or(8080)));
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

int Serve(Shell& shell, const ServeFlags& flags) {
  const server::HttpOptions http = Http(shell, flags);
  std::optional<server::ApiKeys> keys = Keys(flags, http.host);
  const sigset_t end_signals = BlockEndSignals();
  MemoryBudget budget(flags.engine.MemoryLimit(shell.settings));
  std::vector<server::ServedModel> models;
  for (size_t i = 0; i < flags.models.size(); ++i) {
    models.push_back(OpenServed(shell, flags, flags.models[i],
                                i < flags.names.size() ? flags.names[i] : "", budget));
  }
  server::Service service(std::move(models));
  server::SideWork side_work;
  server::App app{
      .service = service, .limits = {}, .program_version = kVersion, .side_work = side_work};
  server::Site site(app, {.keys = std::move(keys),
                          .local_hosts_only = server::IsLoopback(http.host),
                          .allowed_hosts = {},
                          .log = [](const std::string& line) { LogInfo(line); }});
  server::HttpServer server(http, site);
  server.Start();
  for (const std::string& address : server.addresses()) {
    shell.out.Line((http.tls.enabled() ? "listening on https://" : "listening on http://") +
                   address);
  }
  shell.out.Flush();
  int signal = 0;
  sigwait(&end_signals, &signal);
  app.draining = true;
  server.Drain(kDrainPatience);
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
