#include "registry/ollama_pull.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory_budget.h"
#include "registry/download.h"
#include "registry/ollama_account.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestType = "application/vnd.docker.distribution.manifest.v2+json";

// Where the reference's registry is.
std::string EndpointOf(const OllamaSettings& settings, const OllamaRequest& request) {
  if (request.model.host.empty()) return settings.endpoint;
  const std::string https = "https://" + request.model.host;
  const std::string http = "http://" + request.model.host;
  if (settings.endpoint == https || settings.endpoint == http) return settings.endpoint;
  return request.insecure ? http : https;
}

void RequireAllowed(const OllamaSettings& settings, const OllamaRequest& request,
                    const std::string& endpoint) {
  if (settings.offline) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "this model is not on this machine, and no connection may be made",
                 .found = FormatReference(request.model),
                 .hint = "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to fetch it"});
  }
  if (!endpoint.starts_with("http://") || request.insecure || settings.insecure) return;
  throw Error(ErrorCode::kPermissionDenied,
              {.message = "the registry would be reached without encryption",
               .found = ShownUrl(endpoint),
               .hint = "--insecure allows it"});
}

[[noreturn]] void FailRegistry(const HttpResponse& response, const ModelReference& model) {
  const std::string what = FormatReference(model);
  const std::string found = "HTTP " + std::to_string(response.status);
  const std::string where = ShownUrl(response.url);
  switch (response.status) {
    case 404:
      throw Error(ErrorCode::kNotFound, {.message = "the registry has no such model",
                                         .found = what,
                                         .where = where,
                                         .hint = "look at its name and tag"});
    case 401:
    case 403:
      throw Error(ErrorCode::kUnauthenticated,
                  {.message = "the registry does not give this model to everybody",
                   .found = found,
                   .where = where,
                   .hint = "a private model needs ~/.ollama/id_ed25519, the key that Ollama makes, "
                           "and its owner's account has to know it; or fetch it with ollama pull: "
                           "it is then used from Ollama's store"});
    case 429:
      throw Error(ErrorCode::kUnavailable, {.message = "the registry asks for patience",
                                            .found = found,
                                            .where = where,
                                            .hint = "try again later"});
    default:
      throw Error(response.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kDataLoss,
                  {.message = "the registry did not give the model",
                   .expected = "HTTP 200",
                   .found = found,
                   .where = where});
  }
}

class OllamaPull {
 public:
  OllamaPull(const OllamaSettings& settings, Store& store, const OllamaRequest& request,
             const PullOptions& options)
      : store_(store),
        request_(request),
        options_(options),
        base_(EndpointOf(settings, request) + "/v2/" + PercentEncode(request.model.organisation) +
              "/" + PercentEncode(request.model.name)),
        client_(options.download.http),
        account_(EndpointOf(settings, request), settings.key),
        progress_(options.progress) {
    RequireAllowed(settings, request, EndpointOf(settings, request));
  }

  PullResult Run() {
    const std::string manifest = FetchManifest();
    const OllamaManifest parsed = ParseOllamaManifest(manifest, base_);
    std::vector<const OllamaLayer*> layers;
    std::set<std::string_view> seen;
    for (const OllamaLayer& layer : parsed.layers) {
      if (layer.file.empty()) continue;
      result_.files.push_back({.path = layer.file, .size = layer.size, .sha256 = layer.sha256});
      if (seen.insert(layer.sha256).second && !IsThere(layer)) layers.push_back(&layer);
    }
    RequireRoom(layers);
    std::vector<size_t> places;
    for (const OllamaLayer* layer : layers) {
      places.push_back(progress_.Add(layer->file, layer->size));
    }
    for (size_t i = 0; i < layers.size(); ++i) Fetch(*layers[i], places[i]);
    return Publish(manifest);
  }

 private:
  std::string FetchManifest() {
    HttpRequest request{
        .url = base_ + "/manifests/" +
               PercentEncode(request_.model.revision.empty() ? "latest" : request_.model.revision),
        .headers = {{"Accept", std::string(kManifestType)}}};
    HttpResponse response = SendPatiently(client_, request, options_.download.retries);
    if (account_.Authorize(client_, response)) {
      request.token = account_.token();
      response = SendPatiently(client_, request, options_.download.retries);
    }
    if (response.status != 200) FailRegistry(response, request_.model);
    return response.body;
  }

  bool IsThere(const OllamaLayer& layer) const {
    if (request_.force || !store_.HasContent(layer.sha256)) return false;
    if (store_.IsIntact(layer.sha256, layer.size)) return true;
    if (options_.note) options_.note(layer.file + " was damaged and is fetched again");
    return false;
  }

  void RequireRoom(const std::vector<const OllamaLayer*>& layers) const {
    std::uint64_t needed = 0;
    for (const OllamaLayer* layer : layers) {
      std::error_code failed;
      const std::uint64_t there =
          fs::file_size(store_.paths().cache_home / "partial" / layer->sha256, failed);
      const std::uint64_t missing = layer->size - (failed ? 0 : std::min(there, layer->size));
      if (missing > UINT64_MAX - needed) throw TooLarge(UINT64_MAX, 0);
      needed += missing;
    }
    std::error_code failed;
    const std::uint64_t room = fs::space(store_.paths().data_home, failed).available;
    if (!failed && room < needed) throw TooLarge(needed, room);
  }

  Error TooLarge(std::uint64_t needed, std::uint64_t room) const {
    return Error(ErrorCode::kResourceExhausted,
                 {.message = "there is no room for " + FormatReference(request_.model),
                  .expected = FormatBytes({needed}) + " free",
                  .found = FormatBytes({room}),
                  .where = store_.paths().data_home.string(),
                  .hint = "hyprstream model remove and hyprstream model cache cleanup make some"});
  }

  void Fetch(const OllamaLayer& layer, size_t place) {
    PartialFile partial = store_.OpenPartial(layer.sha256, [&] {
      if (options_.note) {
        options_.note("another process is fetching " + layer.file + "; waiting for it");
      }
    });
    // Whoever had it may have finished it.
    if (IsThere(layer)) {
      partial.Discard();
      return progress_.Finished(place);
    }
    if (request_.force) partial.Reset();
    // The registry redirects to its storage anew each time that it is asked.
    bool first = true;
    const auto locate = [&] {
      if (!std::exchange(first, false)) account_.Renew(client_);
      return RemoteAddress{.url = base_ + "/blobs/sha256:" + layer.sha256,
                           .token = account_.token()};
    };
    const Downloaded got =
        Download({.name = layer.file, .size = layer.size, .sha256 = layer.sha256}, locate, partial,
                 options_.download, [&](uint64_t done) { progress_.Reached(place, done); });
    result_.fetched += got.fetched;
    store_.Keep(std::move(partial), got.names.sha256);
    progress_.Finished(place);
  }

  PullResult Publish(const std::string& manifest) {
    const std::string sha256 = Sha256Hex(std::as_bytes(std::span(manifest)));
    {
      PartialFile partial = store_.OpenPartial(sha256);
      partial.Reset();
      internal::WriteAll(partial.descriptor(), std::as_bytes(std::span(manifest)), partial.path());
      store_.Keep(std::move(partial), sha256);
    }
    result_.files.push_back(
        {.path = std::string(kOllamaManifestFile), .size = manifest.size(), .sha256 = sha256});
    for (const FileRecord& file : result_.files) result_.bytes += file.size;
    result_.key = OllamaKeyOf(request_.model);
    result_.kind = Selection::Kind::kGguf;
    store_.Publish(result_.key, result_.files, ShownUrl(base_), Existing::kReplace);
    result_.folder = store_.FolderOf(result_.key);
    return std::move(result_);
  }

  Store& store_;
  const OllamaRequest& request_;
  const PullOptions& options_;
  const std::string base_;
  HttpClient client_;
  OllamaAccount account_;
  TransferProgress progress_;
  PullResult result_;
};

}  // namespace

PullResult PullOllama(const OllamaSettings& settings, Store& store, const OllamaRequest& request,
                      const PullOptions& options) {
  HYPR_CHECK(request.model.kind == ModelReference::Kind::kOllama);
  return OllamaPull(settings, store, request, options).Run();
}

}  // namespace hyprstream::registry
