// What the hub's refusals mean and what to do about them.
#include "base/error.h"
#include "registry/hugging_face.h"
#include "registry/names.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

std::string Login(const HubSettings& settings) {
  if (settings.token.empty()) {
    return "if it is private, log in: hyprstream auth login (or set HF_TOKEN)";
  }
  return "the token from " + settings.token.source() +
         " was not enough; hyprstream auth login takes another";
}

std::string Said(const HttpResponse& response) {
  std::string said = "HTTP status " + std::to_string(response.status);
  const std::string_view message = response.headers.Find("X-Error-Message");
  if (!message.empty()) said += ": " + Shown(message);
  const std::string_view request = response.headers.Find("X-Request-Id");
  if (!request.empty()) said += " (request " + Shown(request.substr(0, 60)) + ")";
  return said;
}

}  // namespace

void FailHub(const HttpResponse& response, const HubSettings& settings, const std::string& what,
             const std::string& revision) {
  const std::string_view code = response.headers.Find("X-Error-Code");
  const std::string_view message = response.headers.Find("X-Error-Message");
  const std::string where = ShownUrl(response.url);
  const int status = response.status;
  const auto fail = [&](ErrorCode kind, std::string text, std::string hint) {
    throw Error(kind, {.message = std::move(text),
                       .found = Said(response),
                       .where = where,
                       .hint = std::move(hint)});
  };
  if (code == "GatedRepo") {
    const std::string page = settings.endpoint + "/" + what.substr(0, what.find(' '));
    fail(settings.token.empty() ? ErrorCode::kUnauthenticated : ErrorCode::kPermissionDenied,
         what + " is gated: its owner wants its terms accepted first",
         settings.token.empty()
             ? "accept them at " + page + ", then log in: hyprstream auth login"
             : "accept them at " + page + " with the account of the token from " +
                   settings.token.source());
  }
  if (message == "Access to this resource is disabled.") {
    fail(ErrorCode::kPermissionDenied, what + " is disabled by the hub", "choose another model");
  }
  if (code == "RevisionNotFound") {
    fail(ErrorCode::kNotFound,
         what + " has no revision \"" + (revision.empty() ? "main" : revision) + "\"",
         "give a branch, a tag or a commit of it, or none for the main branch");
  }
  if (code == "EntryNotFound") {
    fail(ErrorCode::kNotFound, what + " is not there at this revision",
         "see the repository's files at " + settings.endpoint);
  }
  if (status == 401 || status == 404 || code == "RepoNotFound") {
    fail(status == 401 && !settings.token.empty() ? ErrorCode::kUnauthenticated
                                                  : ErrorCode::kNotFound,
         "there is no " + what + ", or it is not open to this user",
         "check its spelling; " + Login(settings));
  }
  if (status == 403) {
    fail(ErrorCode::kPermissionDenied, "the hub does not allow this: " + what, Login(settings));
  }
  if (status == 429) {
    const auto pause = RetryAfter(response.headers);
    fail(ErrorCode::kUnavailable, "the hub limits how often this user may ask",
         "try again in " +
             (pause ? std::to_string(pause->count()) + " seconds" : std::string("a while")) +
             (settings.token.empty() ? "; whoever is logged in may ask more often" : ""));
  }
  if (status >= 500) {
    fail(ErrorCode::kUnavailable, "the hub cannot answer at present", "try again later");
  }
  fail(ErrorCode::kDataLoss, "the hub gave an answer that means nothing here: " + what,
       "check HF_ENDPOINT, and whether a proxy answers in the hub's place");
  HYPR_CHECK(false);
  std::abort();
}

void RequireOnline(const HubSettings& settings, std::string_view what) {
  if (!settings.offline) return;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = std::string(what) + " is not on this machine, and the network is off",
               .found = "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set",
               .hint = "unset it to fetch from the hub"});
}

}  // namespace hyprstream::registry
