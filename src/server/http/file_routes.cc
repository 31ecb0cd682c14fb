// Files for fine-tuning: sent, listed, read, deleted.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "server/http/answer.h"
#include "server/http/app.h"
#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/multipart.h"
#include "server/http/training_lines.h"
#include "text/utf8.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using adapters::FileRecord;

constexpr std::string_view kPurpose = "fine-tune";
constexpr int64_t kMostListed = 10'000;

Error Wrong(const std::string& name, std::string expected, const std::string& found) {
  return Error(ErrorCode::kInvalidArgument, {.message = "wrong value for " + name,
                                             .expected = std::move(expected),
                                             .found = found,
                                             .where = name});
}

json::object FileObject(const FileRecord& record) {
  return {{"id", record.id},
          {"object", "file"},
          {"bytes", record.bytes},
          {"created_at", record.created},
          {"filename", record.filename},
          {"purpose", record.purpose},
          {"status", "processed"},
          {"status_details", nullptr},
          {"expires_at", nullptr}};
}

const FormPart& Need(const std::vector<FormPart>& form, std::string_view name) {
  for (const FormPart& part : form) {
    if (part.name == name) return part;
  }
  const std::string where(name);
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the form has no \"" + where + "\"", .where = where});
}

std::string FileName(const FormPart& file) {
  const std::string name = file.filename.value_or("");
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (name.empty() || name.size() > 255 || text::FindInvalidUtf8(name) ||
      std::ranges::any_of(name, control)) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the file has no usable name",
                 .expected = "filename=\"…\", UTF-8 of up to 255 bytes",
                 .where = "file"});
  }
  return name;
}

Reply Upload(App& app, Call& call) {
  const auto form = ReadForm(call.request.Header("content-type"), call.request.body);
  const std::string purpose(Need(form, "purpose").content);
  if (purpose != kPurpose)
    throw Wrong("purpose", std::string(kPurpose), Excerpt(json::value(purpose)));
  const FormPart& file = Need(form, "file");
  FileRecord record{.id = FreshId("file-"),
                    .filename = FileName(file),
                    .purpose = purpose,
                    .created = UnixSeconds()};
  (void)ReadTrainingLines(file.content);
  try {
    return Reply{.body = json::serialize(FileObject(app.files.Add(record, file.content)))};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kResourceExhausted) throw;
    return ErrorReply(error, Dialect::kOpenAi, 507);
  }
}

Reply List(App& app, Call& call) {
  const std::string& query = call.request.query;
  adapters::FileQuery wanted{.after = QueryValue(query, "after").value_or(""),
                             .purpose = QueryValue(query, "purpose").value_or("")};
  int64_t limit = kMostListed;
  if (const auto text = QueryValue(query, "limit")) {
    const auto [end, status] = std::from_chars(text->data(), text->data() + text->size(), limit);
    const bool whole = status == std::errc() && end == text->data() + text->size();
    if (!whole || limit < 1 || limit > kMostListed) {
      throw Wrong("limit", "an integer from 1 to 10000", "\"" + *text + "\"");
    }
  }
  const std::string order = QueryValue(query, "order").value_or("desc");
  if (order != "asc" && order != "desc") throw Wrong("order", "asc or desc", "\"" + order + "\"");
  wanted.limit = limit + 1;
  wanted.newest_first = order == "desc";
  std::vector<FileRecord> files = app.files.List(wanted);
  const bool more = std::ssize(files) > limit;
  if (more) files.pop_back();
  json::object answer{{"object", "list"},
                      {"data", json::array()},
                      {"first_id", nullptr},
                      {"last_id", nullptr},
                      {"has_more", more}};
  for (const FileRecord& file : files) answer["data"].as_array().push_back(FileObject(file));
  if (!files.empty()) {
    answer["first_id"] = files.front().id;
    answer["last_id"] = files.back().id;
  }
  return Reply{.body = json::serialize(answer)};
}

Reply Show(App& app, Call& call) {
  return Reply{.body = json::serialize(FileObject(app.files.Get(call.path.at("id"))))};
}

Reply Content(App& app, Call& call) {
  return Reply{.content_type = "application/octet-stream",
               .body = app.files.Read(call.path.at("id"))};
}

Reply Delete(App& app, Call& call) {
  const std::string id = call.path.at("id");
  app.files.Delete(id);
  return Reply{
      .body = json::serialize(json::object{{"id", id}, {"object", "file"}, {"deleted", true}})};
}

}  // namespace

// What is in the files is for those alone who teach.
void AddFileRoutes(Router& router, App& app) {
  const auto add = [&](const char* method, const char* pattern, Reply (*handle)(App&, Call&)) {
    router.Add({method, pattern, Access::kTeach,
                [&app, handle](Call& call) { return handle(app, call); }});
  };
  add("POST", "/v1/files", Upload);
  add("GET", "/v1/files", List);
  add("GET", "/v1/files/{id}", Show);
  add("GET", "/v1/files/{id}/content", Content);
  add("DELETE", "/v1/files/{id}", Delete);
}

}  // namespace hyprstream::server
