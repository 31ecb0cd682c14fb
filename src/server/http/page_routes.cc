// The web page at / and its files, which the binary holds. They are the same for everybody and say
// nothing about the server, so no key is asked for; what the page then fetches does ask.
#include <map>
#include <string>

#include "base/hash.h"
#include "server/http/app.h"
#include "server/http/error_reply.h"
#include "server/page/page_files.h"

namespace hyprstream::server {
namespace {

/// Scripts, styles and connections of this server only; nothing written inline; no frames.
constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view TypeOf(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/plain; charset=utf-8";
}

struct File {
  std::string_view content;
  std::string tag;  // as ETag has it
};
using Files = std::map<std::string, File, std::less<>>;

Files ReadFiles() {
  Files files;
  for (const PageFile& file : PageFiles()) {
    const std::string hash = Sha256Hex(std::as_bytes(std::span(file.content)));
    files.emplace(file.name, File{file.content, '"' + hash.substr(0, 32) + '"'});
  }
  return files;
}

Reply SendFile(const Files& files, const Request& request, std::string_view name) {
  const auto found = files.find(name);
  if (found == files.end()) {
    return ErrorReply(404, "there is nothing at " + request.path, Dialect::kOpenAi);
  }
  Reply reply{.content_type = std::string(TypeOf(name))};
  reply.headers = {{"Cache-Control", "no-cache"},
                   {"ETag", found->second.tag},
                   {"Content-Security-Policy", kContentPolicy},
                   {"Referrer-Policy", "no-referrer"}};
  if (request.Header("if-none-match") == found->second.tag) {
    reply.status = 304;
    reply.content_type.clear();
  } else {
    reply.body = found->second.content;
  }
  return reply;
}

/// A browser says that it wants a page; Ollama's clients ask whether somebody is there.
Reply Front(const Files& files, const Request& request) {
  Reply reply;
  if (request.Header("accept").find("text/html") != std::string_view::npos) {
    reply = SendFile(files, request, "index.html");
  } else {
    reply = {.content_type = "text/plain; charset=utf-8", .body = "Ollama is running"};
  }
  reply.headers.emplace_back("Vary", "Accept");
  return reply;
}

}  // namespace

void AddPageRoutes(Router& router) {
  const auto files = std::make_shared<const Files>(ReadFiles());
  router.Add(
      {"GET", "/", Access::kAnyone, [files](Call& call) { return Front(*files, call.request); }});
  router.Add({"GET", "/page/{file}", Access::kAnyone, [files](Call& call) {
                return SendFile(*files, call.request, call.path.at("file"));
              }});
}

}  // namespace hyprstream::server
