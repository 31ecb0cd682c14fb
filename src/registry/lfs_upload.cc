#include "registry/lfs_upload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "base/posix_file.h"
#include "registry/content_hash.h"
#include "registry/hugging_face.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace json = boost::json;

using Method = HttpRequest::Method;
using Redirects = HttpRequest::Redirects;

constexpr std::string_view kLfsType = "application/vnd.git-lfs+json";
constexpr size_t kAtOnce = 100;  // objects in one question
constexpr uint64_t kMaxParts = 10'000;

class Uploader {
 public:
  Uploader(HttpClient& client, const HubSettings& settings, const std::string& repository,
           const RetryOptions& retries, TransferProgress& progress)
      : client_(client),
        settings_(settings),
        repository_(repository),
        retries_(retries),
        progress_(progress) {}

  /// Asks about these and sends those that are wanted.
  void Send(std::span<const LocalFile* const> files, std::span<const size_t> places);
  uint64_t sent() const { return sent_; }

 private:
  json::value Ask(const std::string& url, const json::value& body);
  void SendOne(const LocalFile& file, size_t place, const json::object& actions);
  void SendParts(const LocalFile& file, size_t place, const std::string& address,
                 const json::object& header, uint64_t part_size);
  std::string Put(const LocalFile& file, size_t place, const std::string& url, uint64_t begin,
                  uint64_t end);
  void Verify(const LocalFile& file, const std::string& address);

  HttpClient& client_;
  const HubSettings& settings_;
  const std::string& repository_;
  const RetryOptions& retries_;
  TransferProgress& progress_;
  uint64_t sent_ = 0;
};

json::value Uploader::Ask(const std::string& url, const json::value& body) {
  const bool home = OriginOf(url) == OriginOf(settings_.endpoint);
  const HttpResponse response = SendPatiently(
      client_,
      {.method = Method::kPost,
       .url = url,
       .headers = {{"Accept", std::string(kLfsType)}, {"Content-Type", std::string(kLfsType)}},
       .token = home ? settings_.token.secret() : std::string(),
       .redirects = Redirects::kNone,
       .body = json::serialize(body)},
      retries_);
  if (response.status / 100 != 2) FailHub(response, settings_, repository_, "");
  return response.body.empty() ? json::value(json::object()) : ParseDocument(response);
}

std::string Uploader::Put(const LocalFile& file, size_t place, const std::string& url,
                          uint64_t begin, uint64_t end) {
  const internal::Descriptor source(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.valid()) internal::FailFile("cannot open file", file.path, errno);
  Retries retries(retries_, client_.options().stop);
  while (true) {
    uint64_t at = begin;
    const auto read = [&](std::span<std::byte> buffer) -> size_t {
      const size_t wanted = std::min<uint64_t>(buffer.size(), end - at);
      const ssize_t got = ::pread(source.get(), buffer.data(), wanted, static_cast<off_t>(at));
      if (got < 0) internal::FailFile("cannot read file", file.path, errno);
      at += static_cast<uint64_t>(got);
      progress_.Reached(place, at);
      return static_cast<size_t>(got);
    };
    try {
      const HttpResponse response =
          client_.Send({.method = Method::kPut,
                        .url = url,
                        .headers = {{"Content-Type", "application/octet-stream"}},
                        .redirects = Redirects::kNone,
                        .upload = read,
                        .upload_size = end - begin});
      if (response.status / 100 == 2) {
        sent_ += end - begin;
        return std::string(response.headers.Find("ETag"));
      }
      if (!IsTransient(response.status) || !retries.Wait(RetryAfter(response.headers))) {
        throw Error(ErrorCode::kPermissionDenied,
                    {.message = "the storage behind the hub refuses a file",
                     .found = "HTTP status " + std::to_string(response.status),
                     .where = file.name,
                     .hint = "try again: what arrived is not sent twice"});
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable || !retries.Wait()) throw;
    }
  }
}

void Uploader::SendParts(const LocalFile& file, size_t place, const std::string& address,
                         const json::object& header, uint64_t part_size) {
  json::array parts;
  const uint64_t count = (file.size + part_size - 1) / part_size;
  if (count > kMaxParts) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "the hub wants a file in too many parts", .where = file.name});
  }
  for (uint64_t number = 1; number <= count; ++number) {
    // The addresses stand in the header under the part's number, with zeros before it.
    std::string url;
    for (const json::key_value_pair& field : header) {
      uint64_t value = 0;
      const std::string_view key = field.key();
      const auto [end, failed] = std::from_chars(key.data(), key.data() + key.size(), value);
      const bool matches = failed == std::errc() && end == key.data() + key.size();
      if (matches && value == number && field.value().is_string()) {
        url = std::string(field.value().get_string());
      }
    }
    const std::string etag =
        Put(file, place, url, (number - 1) * part_size, std::min(file.size, number * part_size));
    parts.push_back({{"partNumber", number}, {"etag", etag}});
  }
  Ask(address, json::object{{"oid", file.sha256}, {"parts", std::move(parts)}});
}

void Uploader::Verify(const LocalFile& file, const std::string& address) {
  if (address.empty()) return;
  Ask(address, json::object{{"oid", file.sha256}, {"size", file.size}});
}

void Uploader::SendOne(const LocalFile& file, size_t place, const json::object& actions) {
  const json::object* upload = FindObject(actions, "upload");
  const std::string address = upload ? FindText(*upload, "href") : "";
  if (address.empty()) {
    throw Error(ErrorCode::kDataLoss, {.message = "the hub does not say where to send a file",
                                       .expected = "an address in actions.upload.href",
                                       .where = file.name});
  }
  const json::object* header = FindObject(*upload, "header");
  const std::string chunk = header ? FindText(*header, "chunk_size") : "";
  uint64_t part_size = 0;
  std::from_chars(chunk.data(), chunk.data() + chunk.size(), part_size);
  if (part_size > 0) {
    SendParts(file, place, address, *header, part_size);
  } else {
    Put(file, place, address, 0, file.size);
  }
  const json::object* verify = FindObject(actions, "verify");
  Verify(file, verify ? FindText(*verify, "href") : "");
}

void Uploader::Send(std::span<const LocalFile* const> files, std::span<const size_t> places) {
  json::array objects;
  for (const LocalFile* file : files) {
    objects.push_back({{"oid", file->sha256}, {"size", file->size}});
  }
  const json::value document =
      Ask(settings_.endpoint + "/" + PercentEncodePath(repository_) + ".git/info/lfs/objects/batch",
          json::object{{"operation", "upload"},
                       {"transfers", {"basic", "multipart"}},
                       {"objects", std::move(objects)},
                       {"hash_algo", "sha256"}});
  const json::array none;
  const json::array* answers =
      document.is_object() ? FindArray(document.get_object(), "objects") : nullptr;
  for (size_t i = 0; i < files.size(); ++i) {
    const json::object* answer = nullptr;
    for (const json::value& entry : answers ? *answers : none) {
      if (entry.is_object() && FindText(entry.get_object(), "oid") == files[i]->sha256) {
        answer = &entry.get_object();
      }
    }
    if (answer == nullptr || answer->contains("error")) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = "the hub does not take a file", .where = files[i]->name});
    }
    // Without actions the storage has it.
    if (const json::object* actions = FindObject(*answer, "actions")) {
      SendOne(*files[i], places[i], *actions);
    }
    progress_.Finished(places[i]);
  }
}

}  // namespace

uint64_t UploadLarge(HttpClient& client, const HubSettings& settings, const std::string& repository,
                     std::vector<LocalFile>& files, const RetryOptions& retries,
                     const TransferListener& progress) {
  TransferProgress transfers(progress);
  std::vector<const LocalFile*> large;
  std::vector<size_t> places;
  for (LocalFile& file : files) {
    if (!file.large) continue;
    const ContentHash hash = HashFile(file.path);
    file.sha256 = hash.sha256;
    file.size = hash.size;
    large.push_back(&file);
    places.push_back(transfers.Add(file.name, file.size));
  }
  Uploader uploader(client, settings, repository, retries, transfers);
  for (size_t begin = 0; begin < large.size(); begin += kAtOnce) {
    const size_t count = std::min(kAtOnce, large.size() - begin);
    uploader.Send(std::span(large).subspan(begin, count), std::span(places).subspan(begin, count));
  }
  return uploader.sent();
}

}  // namespace hyprstream::registry
