#include "registry/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>

#include "base/error.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kReceiveBytes = 512 << 10;

using Method = HttpRequest::Method;
using Redirects = HttpRequest::Redirects;

bool EqualNames(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void Add(const std::string& line) {
    HYPR_CHECK(line.find_first_of("\r\n") == std::string::npos);
    list_ = curl_slist_append(list_, line.c_str());
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

/// Whether another attempt may go better.
bool MayPass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void FailTransfer(CURLcode code, const std::string& url) {
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    throw Error(ErrorCode::kPermissionDenied,
                {.message = "the server's certificate is not trusted",
                 .found = curl_easy_strerror(code),
                 .where = ShownUrl(url),
                 .hint = "behind a proxy that signs for others, name its certificate in "
                         "SSL_CERT_FILE"});
  }
  if (MayPass(code)) {
    throw Error(ErrorCode::kUnavailable, {.message = "the server cannot be reached or broke off",
                                          .found = curl_easy_strerror(code),
                                          .where = ShownUrl(url),
                                          .hint = "check the network, then try again"});
  }
  throw Error(ErrorCode::kDataLoss, {.message = "the server's answer cannot be read",
                                     .found = curl_easy_strerror(code),
                                     .where = ShownUrl(url)});
}

}  // namespace

std::string_view HttpHeaders::Find(std::string_view name) const {
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (EqualNames(field->first, name)) return field->second;
  }
  return {};
}

std::optional<uint64_t> HttpResponse::content_length() const {
  const std::string_view text = headers.Find("Content-Length");
  uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

struct HttpClient::State {
  HttpOptions options;
  CURL* curl = nullptr;

  // One exchange.
  const HttpRequest* request = nullptr;
  const ChooseSink* choose = nullptr;
  HttpResponse response;
  Sink sink;
  bool sink_chosen = false;
  size_t header_bytes = 0;
  std::exception_ptr failure;

  explicit State(HttpOptions given) : options(std::move(given)) {
    static const bool initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    HYPR_CHECK(initialised);
    curl = curl_easy_init();
    HYPR_CHECK(curl != nullptr);
  }
  ~State() { curl_easy_cleanup(curl); }

  HttpResponse Exchange(const std::string& url, Method method, bool with_token);
  void SetOptions(const std::string& url, Method method);
  void AddHeaders(HeaderList& list, bool with_token) const;
  bool Follows() const;
  void TakeHeader(std::string_view line);
  void TakeBody(std::span<const std::byte> bytes);

  template <typename Action>
  size_t Guarded(size_t taken, Action&& action) noexcept {
    try {
      action();
      return taken;
    } catch (...) {
      failure = std::current_exception();
      return taken == 0 ? 1 : 0;  // tells libcurl to give up
    }
  }

  static size_t OnHeader(char* data, size_t, size_t size, void* self) {
    auto& state = *static_cast<State*>(self);
    return state.Guarded(size, [&] { state.TakeHeader({data, size}); });
  }
  static size_t OnBody(char* data, size_t, size_t size, void* self) {
    auto& state = *static_cast<State*>(self);
    return state.Guarded(size, [&] { state.TakeBody(std::as_bytes(std::span(data, size))); });
  }
  static size_t OnUpload(char* data, size_t size, size_t count, void* self) {
    auto& state = *static_cast<State*>(self);
    size_t given = 0;
    const size_t failed = state.Guarded(size * count, [&] {
      given = state.request->upload(std::as_writable_bytes(std::span(data, size * count)));
    });
    return failed == 0 ? CURL_READFUNC_ABORT : given;
  }
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<State*>(self)->options.stop.stop_requested() ? 1 : 0;
  }
};

bool HttpClient::State::Follows() const {
  if (!IsRedirect(response.status) || request->redirects == Redirects::kNone) return false;
  const std::string_view location = response.headers.Find("Location");
  if (location.empty()) return false;
  return request->redirects == Redirects::kFollow || !IsAbsolute(location);
}

void HttpClient::State::TakeHeader(std::string_view line) {
  header_bytes += line.size();
  if (header_bytes > kMaxHeaderBytes) {
    throw Error(ErrorCode::kLimit, {.message = "the server sends too many headers",
                                    .expected = "at most 64 kB",
                                    .where = ShownUrl(response.url)});
  }
  if (line.starts_with("HTTP/")) {  // also after an interim response
    response.headers = {};
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response.headers.fields.emplace_back(Trimmed(line.substr(0, colon)),
                                       Trimmed(line.substr(colon + 1)));
}

void HttpClient::State::TakeBody(std::span<const std::byte> bytes) {
  if (Follows()) return;
  if (!sink_chosen) {
    sink_chosen = true;
    const std::string_view encoding = response.headers.Find("Content-Encoding");
    if (!encoding.empty() && !EqualNames(encoding, "identity")) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = "the server compressed what was asked for as it is",
                   .expected = "no Content-Encoding",
                   .found = std::string(encoding.substr(0, 40)),
                   .where = ShownUrl(response.url)});
    }
    if (*choose) sink = (*choose)(response);
  }
  if (sink) return sink(bytes);
  if (response.body.size() + bytes.size() > kMaxDocumentBytes) {
    throw Error(ErrorCode::kLimit, {.message = "the server's document is too large",
                                    .expected = "at most 4 MB",
                                    .where = ShownUrl(response.url)});
  }
  response.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void HttpClient::State::SetOptions(const std::string& url, Method method) {
  curl_easy_reset(curl);  // connections stay
  const auto set = [this](CURLoption option, auto value) {
    HYPR_CHECK(curl_easy_setopt(curl, option, value) == CURLE_OK);
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
  set(CURLOPT_BUFFERSIZE, kReceiveBytes);
  set(CURLOPT_HEADERFUNCTION, &State::OnHeader);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &State::OnBody);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &State::OnProgress);
  set(CURLOPT_XFERINFODATA, this);
  if (!options.certificates.empty()) set(CURLOPT_CAINFO, options.certificates.c_str());
  switch (method) {
    case Method::kGet:
      set(CURLOPT_HTTPGET, 1L);
      break;
    case Method::kHead:
      set(CURLOPT_NOBODY, 1L);
      break;
    case Method::kPost:
      set(CURLOPT_POST, 1L);
      break;
    case Method::kPut:
      set(CURLOPT_POST, 1L);
      set(CURLOPT_CUSTOMREQUEST, "PUT");
      break;
  }
  if (method != Method::kPost && method != Method::kPut) return;
  if (request->upload) {
    set(CURLOPT_READFUNCTION, &State::OnUpload);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request->upload_size));
  } else {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request->body.size()));
    set(CURLOPT_POSTFIELDS, request->body.data());
  }
}

void HttpClient::State::AddHeaders(HeaderList& list, bool with_token) const {
  for (const auto& [name, value] : request->headers) list.Add(name + ": " + value);
  list.Add("Accept-Encoding: identity");
  list.Add("Expect:");
  if (with_token) list.Add("Authorization: Bearer " + request->token);
}

HttpResponse HttpClient::State::Exchange(const std::string& url, Method method, bool with_token) {
  response = {};
  response.url = url;
  sink = {};
  sink_chosen = false;
  header_bytes = 0;
  failure = nullptr;
  SetOptions(url, method);
  HeaderList list;
  AddHeaders(list, with_token);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  const CURLcode code = curl_easy_perform(curl);
  sink = {};
  if (failure) std::rethrow_exception(failure);
  if (options.stop.stop_requested()) {
    throw Error(ErrorCode::kCancelled, {.message = "the transfer was stopped"});
  }
  if (code != CURLE_OK) FailTransfer(code, url);
  return std::move(response);
}

HttpClient::HttpClient(HttpOptions options) : state_(std::make_unique<State>(std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

const HttpOptions& HttpClient::options() const { return state_->options; }

HttpResponse HttpClient::Send(const HttpRequest& request, const ChooseSink& choose) {
  state_->request = &request;
  state_->choose = &choose;
  const Origin home = OriginOf(request.url);
  Origin at = home;
  std::string url = request.url;
  Method method = request.method;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    HttpResponse response = state_->Exchange(url, method, at == home && !request.token.empty());
    if (!IsRedirect(response.status)) return response;
    const std::string_view location = response.headers.Find("Location");
    if (location.empty()) return response;
    const std::string next = ResolveUrl(url, location);
    const Origin target = OriginOf(next);
    if (at.scheme == "https" && target.scheme == "http") {
      throw Error(ErrorCode::kPermissionDenied,
                  {.message = "the server leads from an encrypted to an open connection",
                   .expected = "a redirect to https",
                   .found = ShownUrl(next),
                   .where = ShownUrl(url)});
    }
    const bool stays = !IsAbsolute(location);
    if (request.redirects == Redirects::kNone ||
        (request.redirects == Redirects::kRelative && !stays)) {
      response.location = next;
      return response;
    }
    const bool turns_to_get = response.status <= 303 && method != Method::kHead;
    if (turns_to_get) method = Method::kGet;
    HYPR_CHECK(method == request.method || turns_to_get);
    url = next;
    at = target;
  }
  throw Error(ErrorCode::kDataLoss, {.message = "the server redirects in circles",
                                     .expected = "at most 10 redirects",
                                     .where = ShownUrl(request.url)});
}

}  // namespace hyprstream::registry
