#include "registry/hugging_face.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "registry/json_reader.h"
#include "registry/names.h"
#include "registry/reference.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace json = boost::json;

using Redirects = HttpRequest::Redirects;

constexpr int kMaxPages = 1000;
constexpr size_t kMaxFiles = 100'000;

/// Lower case, without quotes and the mark of a weak one.
std::string EtagText(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

/// The listing's object for a file, in either of the hub's two spellings.
RepositoryFile ReadFile(const json::object& entry, std::string_view name_key,
                        std::string_view git_key, std::string_view sha256_key) {
  RepositoryFile file{.name = RequiredText(entry, name_key)};
  CheckFilePath(file.name);
  file.size = FindUnsigned(entry, "size");
  if (const json::object* lfs = FindObject(entry, "lfs")) {
    file.sha256 = FindText(*lfs, sha256_key);
    if (const auto size = FindUnsigned(*lfs, "size")) file.size = size;
  } else {
    file.git_sha1 = FindText(entry, git_key);
  }
  if (!IsSha256(file.sha256)) file.sha256.clear();
  if (!IsGitSha1(file.git_sha1)) file.git_sha1.clear();
  return file;
}

/// The target of `Link: <url>; rel="next"` (RFC 8288), resolved; empty when there is none. `seen`:
/// the pages that there were.
std::string NextPage(const HttpResponse& response, std::set<std::string>& seen) {
  seen.insert(response.url);
  const std::string_view link = response.headers.Find("Link");
  const size_t relation = link.find("rel=\"next\"");
  if (relation == std::string_view::npos) return {};
  const size_t begin = link.rfind('<', relation);
  if (begin == std::string_view::npos) return {};
  const size_t end = link.find('>', begin);
  if (end == std::string_view::npos || end > relation) return {};
  const std::string next = ResolveUrl(response.url, link.substr(begin + 1, end - begin - 1));
  if (OriginOf(next) != OriginOf(response.url)) {
    throw Error(ErrorCode::kDataLoss, {.message = "the hub's next page is on another server",
                                       .found = ShownUrl(next),
                                       .where = ShownUrl(response.url)});
  }
  if (seen.contains(next)) {
    throw Error(ErrorCode::kDataLoss, {.message = "the hub's pages lead in a circle",
                                       .found = ShownUrl(next),
                                       .where = ShownUrl(response.url)});
  }
  return next;
}

HttpOptions ClientOptions(const HubSettings& settings, std::stop_token stop) {
  return {.user_agent = settings.user_agent,
          .connect_timeout = settings.metadata_timeout,
          .stall_timeout = settings.metadata_timeout,
          .certificates = settings.certificates,
          .stop = std::move(stop)};
}

}  // namespace

HuggingFace::HuggingFace(const HubSettings& settings, RetryOptions retries, std::stop_token stop)
    : settings_(settings), retries_(retries), client_(ClientOptions(settings, std::move(stop))) {}

HttpResponse HuggingFace::Get(const std::string& url, const std::string& repository,
                              const std::string& revision) {
  RequireOnline(settings_, repository);
  HttpResponse response = SendPatiently(
      client_, {.url = url, .token = settings_.token.secret(), .redirects = Redirects::kRelative},
      retries_);
  if (response.status != 200) FailHub(response, settings_, repository, revision);
  return response;
}

Repository HuggingFace::Look(const std::string& repository, const std::string& revision) {
  const std::string url = settings_.endpoint + "/api/models/" + PercentEncodePath(repository) +
                          "/revision/" + PercentEncode(revision.empty() ? "main" : revision) +
                          "?blobs=true";
  const HttpResponse response = Get(url, repository, revision);
  const json::value document = ParseDocument(response);
  const json::object& fields = RequiredObject(document, response);
  Repository found{.id = FindText(fields, "id"), .commit = FindText(fields, "sha"), .files = {}};
  if (!IsCommit(found.commit)) {
    throw Error(ErrorCode::kDataLoss, {.message = "the hub does not say which commit this is",
                                       .expected = "\"sha\" of 40 hexadecimal digits",
                                       .found = "\"" + Shown(found.commit) + "\"",
                                       .where = ShownUrl(response.url)});
  }
  if (IsCommit(revision) && revision != found.commit) {
    throw Error(ErrorCode::kDataLoss, {.message = "the hub answers for another commit",
                                       .expected = revision,
                                       .found = found.commit,
                                       .where = ShownUrl(response.url)});
  }
  if (FindBool(fields, "disabled")) {
    throw Error(ErrorCode::kPermissionDenied, {.message = repository + " is disabled by the hub",
                                               .hint = "choose another model"});
  }
  if (const json::array* siblings = FindArray(fields, "siblings")) {
    for (const json::value& entry : *siblings) {
      if (!entry.is_object()) continue;
      found.files.push_back(ReadFile(entry.get_object(), "rfilename", "blobId", "sha256"));
    }
  } else {
    found.files = Tree(repository, found.commit);
  }
  return found;
}

std::vector<RepositoryFile> HuggingFace::Tree(const std::string& repository,
                                              const std::string& commit) {
  std::string url = settings_.endpoint + "/api/models/" + PercentEncodePath(repository) + "/tree/" +
                    commit + "?recursive=true&expand=false";
  std::vector<RepositoryFile> files;
  std::set<std::string> seen;
  for (int page = 0; !url.empty(); ++page) {
    const HttpResponse response = Get(url, repository, commit);
    const json::value document = ParseDocument(response);
    for (const json::value& entry : RequiredArray(document, response)) {
      if (!entry.is_object() || FindText(entry.get_object(), "type") != "file") continue;
      files.push_back(ReadFile(entry.get_object(), "path", "oid", "oid"));
    }
    url = NextPage(response, seen);
    if (page == kMaxPages || files.size() > kMaxFiles) {
      throw Error(ErrorCode::kLimit, {.message = "the repository has too many files",
                                      .expected = "at most 100,000",
                                      .where = repository});
    }
  }
  return files;
}

HuggingFace::Located HuggingFace::Locate(const std::string& repository, const std::string& commit,
                                         const RepositoryFile& file) {
  RequireOnline(settings_, repository + " " + file.name);
  const std::string url = settings_.endpoint + "/" + PercentEncodePath(repository) + "/resolve/" +
                          PercentEncode(commit) + "/" + PercentEncodePath(file.name);
  const HttpResponse response = SendPatiently(client_,
                                              {.method = HttpRequest::Method::kHead,
                                               .url = url,
                                               .token = settings_.token.secret(),
                                               .redirects = Redirects::kRelative},
                                              retries_);
  const bool redirected = !response.location.empty();
  if (response.status != 200 && !redirected) {
    FailHub(response, settings_, repository + " " + file.name, commit);
  }
  const HttpHeaders& headers = response.headers;
  const auto contradicts = [&](std::string message, std::string expected, std::string found) {
    throw Error(ErrorCode::kDataLoss,
                {.message = std::move(message),
                 .expected = std::move(expected),
                 .found = "\"" + Shown(found) + "\"",
                 .where = ShownUrl(response.url),
                 .hint = "check HF_ENDPOINT, and whether a proxy answers in the hub's place"});
  };
  const std::string said_commit(headers.Find("X-Repo-Commit"));
  if (said_commit != commit) {
    contradicts("this server does not speak for the commit that was asked for",
                "X-Repo-Commit: " + commit, said_commit);
  }
  const std::string_view linked = headers.Find("X-Linked-Etag");
  const std::string etag = EtagText(linked.empty() ? headers.Find("ETag") : linked);
  Located located{.file = {.name = file.name}, .address = {}};
  if (IsSha256(etag)) {
    located.file.sha256 = etag;
  } else if (IsGitSha1(etag)) {
    located.file.git_sha1 = etag;
  } else {
    located.file.git_sha1 = file.git_sha1;  // perhaps the listing knows
  }
  if (located.file.sha256.empty()) located.file.sha256 = file.sha256;
  if (located.file.sha256.empty() && located.file.git_sha1.empty()) {
    contradicts("the hub does not say what the file's content is", "a SHA-256 or a git blob's id",
                etag);
  }
  if (!file.sha256.empty() && file.sha256 != located.file.sha256) {
    contradicts("the hub's listing and its file disagree", "SHA-256 " + file.sha256, etag);
  }
  const std::string_view linked_size = headers.Find("X-Linked-Size");
  std::optional<uint64_t> size;
  if (!linked_size.empty()) {
    uint64_t value = 0;
    const auto [end, failed] =
        std::from_chars(linked_size.data(), linked_size.data() + linked_size.size(), value);
    if (failed == std::errc() && end == linked_size.data() + linked_size.size()) size = value;
  } else if (!redirected) {
    size = response.content_length();
  }
  if (!size) size = file.size;
  if (!size || *size > uint64_t{1} << 50) {
    contradicts("the hub does not say how large the file is", "X-Linked-Size or Content-Length",
                std::string(linked_size));
  }
  if (file.size && *file.size != *size) {
    contradicts("the hub's listing and its file disagree", std::to_string(*file.size) + " bytes",
                std::to_string(*size));
  }
  located.file.size = *size;
  located.address.url = redirected ? response.location : response.url;
  if (OriginOf(located.address.url) == OriginOf(settings_.endpoint)) {
    located.address.token = settings_.token.secret();
  }
  return located;
}

std::vector<RepositoryHit> HuggingFace::Search(const std::string& words, const std::string& author,
                                               size_t limit) {
  std::string url = settings_.endpoint + "/api/models?sort=downloads&direction=-1&limit=" +
                    std::to_string(std::min<size_t>(limit, 100));
  if (!words.empty()) url += "&search=" + PercentEncode(words);
  if (!author.empty()) url += "&author=" + PercentEncode(author);
  std::vector<RepositoryHit> hits;
  std::set<std::string> seen;
  for (int page = 0; !url.empty() && hits.size() < limit && page < kMaxPages; ++page) {
    const HttpResponse response = Get(url, "the search", "");
    const json::value document = ParseDocument(response);
    for (const json::value& entry : RequiredArray(document, response)) {
      if (!entry.is_object() || hits.size() == limit) continue;
      const json::object& fields = entry.get_object();
      std::string id = FindText(fields, "id");
      if (id.empty()) id = FindText(fields, "modelId");
      if (id.empty()) continue;
      hits.push_back({.id = std::move(id),
                      .task = FindText(fields, "pipeline_tag"),
                      .downloads = FindUnsigned(fields, "downloads").value_or(0),
                      .likes = FindUnsigned(fields, "likes").value_or(0),
                      .modified = FindText(fields, "lastModified"),
                      .gated = IsSet(fields, "gated")});
    }
    url = NextPage(response, seen);
  }
  return hits;
}

std::string HuggingFace::WhoAmI() {
  RequireOnline(settings_, "the account");
  const HttpResponse response = SendPatiently(client_,
                                              {.url = settings_.endpoint + "/api/whoami-v2",
                                               .token = settings_.token.secret(),
                                               .redirects = Redirects::kRelative},
                                              retries_);
  if (response.status == 401 || response.status == 403) {
    throw Error(ErrorCode::kUnauthenticated,
                {.message = "the hub does not know this token",
                 .found = settings_.token.masked() + " from " + settings_.token.source(),
                 .where = settings_.endpoint,
                 .hint = "make one in the hub's settings, then: hyprstream auth login"});
  }
  if (response.status != 200) FailHub(response, settings_, "the account", "");
  const json::value document = ParseDocument(response);
  return FindText(RequiredObject(document, response), "name");
}

}  // namespace hyprstream::registry
