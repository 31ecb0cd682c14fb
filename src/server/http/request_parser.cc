#include "server/http/request_parser.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

namespace hyprstream::server {
namespace {

namespace http = boost::beast::http;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

BadMessage Refusal(const boost::system::error_code& error) {
  if (error == http::error::body_limit) return {413, "the body is too large"};
  if (error == http::error::header_limit) return {431, "the header is too large"};
  if (error == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "this is not an HTTP request: " + error.message()};
}

// "http://host/path?x" and "/path?x" → "/path?x".
std::string_view OriginForm(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const size_t slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

}  // namespace

struct RequestParser::State {
  http::request_parser<http::string_body> parser;
  bool started = false;
};

RequestParser::RequestParser(const MessageLimits& limits) : state_(std::make_unique<State>()) {
  state_->parser.eager(true);
  state_->parser.body_limit(limits.body_bytes);
  state_->parser.header_limit(limits.header_bytes);
}

RequestParser::~RequestParser() = default;

size_t RequestParser::Put(std::string_view bytes) {
  state_->started = state_->started || !bytes.empty();
  boost::system::error_code error;
  const size_t taken =
      state_->parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error && error != http::error::need_more) throw Refusal(error);
  return taken;
}

bool RequestParser::started() const { return state_->started; }
bool RequestParser::head_done() const { return state_->parser.is_header_done(); }
bool RequestParser::done() const { return state_->parser.is_done(); }

bool RequestParser::expects_continue() const {
  return boost::beast::iequals(state_->parser.get()[http::field::expect], "100-continue");
}

Request RequestParser::Take() {
  Request request;
  http::request<http::string_body> message = state_->parser.release();
  request.version = static_cast<int>(message.version());
  request.keep_alive = message.keep_alive();
  request.method = std::string(message.method_string());
  int hosts = 0;
  for (const auto& field : message) {
    std::string name = Lower({field.name_string().data(), field.name_string().size()});
    hosts += name == "host" ? 1 : 0;
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  if (hosts > 1 || (hosts == 0 && request.version >= 11)) {
    throw BadMessage{400, "a request has one Host header"};
  }
  const std::string_view target = OriginForm({message.target().data(), message.target().size()});
  const size_t query = std::min(target.find('?'), target.size());
  std::optional<std::string> path = PercentDecode(target.substr(0, query));
  if (!path || !path->starts_with('/')) {
    throw BadMessage{400, "the target of the request is no path"};
  }
  request.path = std::move(*path);
  request.query = std::string(target.substr(std::min(query + 1, target.size())));
  request.body = std::move(message.body());
  return request;
}

}  // namespace hyprstream::server
