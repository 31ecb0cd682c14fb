#include "cli/conversation.h"

#include <boost/json.hpp>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/document.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

[[noreturn]] void Refuse(const std::filesystem::path& path, std::string found) {
  throw Error(ErrorCode::kDataLoss,
              {.message = "the history cannot be read",
               .expected = R"({"messages": [{"role": "user", "content": "…"}, …]})",
               .found = std::move(found),
               .where = path.string()});
}

const json::array* MessagesOf(const json::value& document) {
  if (const json::array* array = document.if_array()) return array;
  const json::object* object = document.if_object();
  const json::value* messages = object ? object->if_contains("messages") : nullptr;
  return messages ? messages->if_array() : nullptr;
}

std::string TextField(const json::value& message, const char* name,
                      const std::filesystem::path& path) {
  const json::object* object = message.if_object();
  const json::value* field = object ? object->if_contains(name) : nullptr;
  if (field == nullptr || !field->is_string()) Refuse(path, json::serialize(message));
  return std::string(field->get_string());
}

}  // namespace

void Conversation::Load(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  json::error_code failed;
  const json::value document = json::parse(text, failed);
  if (failed) Refuse(path, failed.message());
  const json::array* messages = MessagesOf(document);
  if (messages == nullptr) Refuse(path, "no list of messages");
  std::vector<Message> loaded;
  for (const json::value& message : *messages) {
    loaded.push_back({TextField(message, "role", path), TextField(message, "content", path)});
  }
  messages_ = std::move(loaded);
}

void Conversation::Save(const std::filesystem::path& path, std::string_view model) const {
  json::array messages;
  for (const Message& message : messages_) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  const json::value document{{"model", model}, {"messages", std::move(messages)}};
  AtomicFile file(path);
  file.Write(Render(document, Format::kJson));
  file.Commit();
}

void Conversation::SetSystem(std::string content) {
  if (!messages_.empty() && messages_.front().role == "system") {
    messages_.front().content = std::move(content);
  } else {
    messages_.insert(messages_.begin(), {"system", std::move(content)});
  }
}

void Conversation::Add(std::string role, std::string content) {
  messages_.push_back({std::move(role), std::move(content)});
}

void Conversation::Clear() {
  const bool keep_first = !messages_.empty() && messages_.front().role == "system";
  messages_.resize(keep_first ? 1 : 0);
}

void Conversation::Undo() {
  if (!messages_.empty()) messages_.pop_back();
}

text::Value Conversation::AsValue() const {
  std::vector<text::Value> items;
  for (const Message& message : messages_) {
    items.push_back(text::Value::Object({{"role", text::Value::String(message.role)},
                                         {"content", text::Value::String(message.content)}}));
  }
  return text::Value::List(std::move(items));
}

}  // namespace hyprstream::cli
