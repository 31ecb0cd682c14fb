#include "registry/push.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "registry/base64.h"
#include "registry/hugging_face.h"
#include "registry/lfs_upload.h"
#include "registry/names.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

using Method = HttpRequest::Method;

constexpr size_t kSampleBytes = 512;
constexpr uint64_t kMaxCommitBytes = 32u << 20;  // of files that travel in the commit itself

std::string ReadBytes(const fs::path& path, uint64_t count) {
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(count, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(count));
  if (!stream || static_cast<uint64_t>(stream.gcount()) != count) {
    throw Error(ErrorCode::kIo, {.message = "cannot read file", .where = path.string()});
  }
  return bytes;
}

LocalFile Describe(const fs::path& path, std::string name) {
  CheckFilePath(name);
  std::error_code failed;
  const uint64_t size = fs::file_size(path, failed);
  if (failed) {
    throw Error(ErrorCode::kIo,
                {.message = "cannot read file", .found = failed.message(), .where = path.string()});
  }
  return {.path = path, .name = std::move(name), .size = size, .sha256 = {}};
}

/// What is hidden stays at home.
std::vector<LocalFile> FilesOf(const fs::path& source) {
  std::vector<LocalFile> files;
  std::error_code failed;
  if (fs::is_regular_file(source, failed)) {
    files.push_back(Describe(source, source.filename().string()));
  } else {
    for (auto entry = fs::recursive_directory_iterator(source, failed);
         !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
      const bool hidden = entry->path().filename().string().starts_with('.');
      if (hidden && entry->is_directory()) entry.disable_recursion_pending();
      if (hidden || !entry->is_regular_file()) continue;
      files.push_back(
          Describe(entry->path(), entry->path().lexically_relative(source).generic_string()));
    }
  }
  if (files.empty()) {
    throw Error(ErrorCode::kNotFound, {.message = "there is nothing to push",
                                       .expected = "a folder with files, or a file",
                                       .where = source.string()});
  }
  std::sort(files.begin(), files.end(),
            [](const LocalFile& a, const LocalFile& b) { return a.name < b.name; });
  return files;
}

class Push {
 public:
  Push(const HubSettings& settings, const PushRequest& request, const PushOptions& options)
      : settings_(settings),
        request_(request),
        options_(options),
        client_({.user_agent = settings.user_agent,
                 .connect_timeout = settings.metadata_timeout,
                 .stall_timeout = settings.download_timeout,
                 .certificates = settings.certificates}) {}

  PushResult Run();

 private:
  HttpResponse Post(const std::string& path, std::string type, std::string body);
  void Create();
  void AskWhere(std::vector<LocalFile>& files);
  void Commit(const std::vector<LocalFile>& files);
  std::string Api() const { return "/api/models/" + PercentEncodePath(request_.repository); }

  const HubSettings& settings_;
  const PushRequest& request_;
  const PushOptions& options_;
  HttpClient client_;
  PushResult result_;
};

HttpResponse Push::Post(const std::string& path, std::string type, std::string body) {
  return SendPatiently(client_,
                       {.method = Method::kPost,
                        .url = settings_.endpoint + path,
                        .headers = {{"Content-Type", std::move(type)}},
                        .token = settings_.token.secret(),
                        .redirects = HttpRequest::Redirects::kNone,
                        .body = std::move(body)},
                       options_.retries);
}

void Push::Create() {
  const size_t slash = request_.repository.find('/');
  json::object wanted{{"name", request_.repository.substr(slash + 1)},
                      {"type", "model"},
                      {"private", request_.is_private}};
  if (slash != std::string::npos) wanted["organization"] = request_.repository.substr(0, slash);
  const HttpResponse response =
      Post("/api/repos/create", "application/json", json::serialize(wanted));
  if (response.status == 409) return;  // there is one
  if (response.status == 401 || response.status == 403) {
    throw Error(ErrorCode::kUnauthenticated,
                {.message = "the hub does not let this token write to " + request_.repository,
                 .found = "HTTP status " + std::to_string(response.status),
                 .where = "the token from " + settings_.token.source(),
                 .hint = "make one that may write, in the hub's settings, then: hyprstream auth "
                         "login"});
  }
  if (response.status / 100 != 2) FailHub(response, settings_, request_.repository, "");
  result_.created = true;
}

void Push::AskWhere(std::vector<LocalFile>& files) {
  json::array asked;
  for (const LocalFile& file : files) {
    const std::string sample = ReadBytes(file.path, std::min<uint64_t>(file.size, kSampleBytes));
    asked.push_back({{"path", file.name}, {"size", file.size}, {"sample", Base64(sample)}});
  }
  const HttpResponse response =
      Post(Api() + "/preupload/" + PercentEncode(request_.revision), "application/json",
           json::serialize(json::object{{"files", std::move(asked)}}));
  if (response.status != 200) {
    FailHub(response, settings_, request_.repository, request_.revision);
  }
  const json::value document = ParseDocument(response);
  const json::array* answers = FindArray(RequiredObject(document, response), "files");
  const json::array none;
  for (LocalFile& file : files) {
    std::string mode;
    for (const json::value& answer : answers ? *answers : none) {
      if (answer.is_object() && FindText(answer.get_object(), "path") == file.name) {
        mode = FindText(answer.get_object(), "uploadMode");
      }
    }
    if (mode != "lfs" && mode != "regular") {
      throw Error(ErrorCode::kDataLoss, {.message = "the hub does not say how to send a file",
                                         .expected = "lfs or regular",
                                         .found = "\"" + Shown(mode) + "\"",
                                         .where = file.name});
    }
    file.large = mode == "lfs";
  }
}

void Push::Commit(const std::vector<LocalFile>& files) {
  std::string body = json::serialize(json::object{
      {"key", "header"}, {"value", {{"summary", request_.message}, {"description", ""}}}});
  for (const LocalFile& file : files) {
    json::object value{{"path", file.name}};
    if (file.large) {
      value["algo"] = "sha256";
      value["oid"] = file.sha256;
      value["size"] = file.size;
    } else {
      value["content"] = Base64(ReadBytes(file.path, file.size));
      value["encoding"] = "base64";
    }
    body += "\n" + json::serialize(json::object{{"key", file.large ? "lfsFile" : "file"},
                                                {"value", std::move(value)}});
    if (body.size() > kMaxCommitBytes) {
      throw Error(ErrorCode::kLimit, {.message = "the hub wants too many bytes in one commit",
                                      .expected = "at most 32 MiB of files that are not in LFS",
                                      .where = file.name});
    }
  }
  const HttpResponse response = Post(Api() + "/commit/" + PercentEncode(request_.revision),
                                     "application/x-ndjson", body + "\n");
  if (response.status != 200) {
    FailHub(response, settings_, request_.repository, request_.revision);
  }
  const json::value document = ParseDocument(response);
  result_.commit = FindText(RequiredObject(document, response), "commitOid");
  if (!IsGitSha1(result_.commit)) {
    throw Error(ErrorCode::kDataLoss, {.message = "the hub does not say which commit this became",
                                       .found = "\"" + Shown(result_.commit) + "\"",
                                       .where = ShownUrl(response.url)});
  }
}

PushResult Push::Run() {
  RequireOnline(settings_, "the hub");
  if (settings_.token.empty()) {
    throw Error(ErrorCode::kUnauthenticated, {.message = "pushing needs a token that may write",
                                              .hint = "hyprstream auth login, or set HF_TOKEN"});
  }
  std::vector<LocalFile> files = FilesOf(request_.source);
  Create();
  AskWhere(files);
  result_.sent = UploadLarge(client_, settings_, request_.repository, files, options_.retries,
                             options_.progress);
  Commit(files);
  for (const LocalFile& file : files) {
    result_.files.push_back(file.name);
    result_.bytes += file.size;
  }
  result_.url = settings_.endpoint + "/" + request_.repository;
  return result_;
}

}  // namespace

PushResult PushHuggingFace(const HubSettings& settings, const PushRequest& request,
                           const PushOptions& options) {
  return Push(settings, request, options).Run();
}

}  // namespace hyprstream::registry
