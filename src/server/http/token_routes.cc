// Text to token ids and back, in vLLM's form and llama-server's.
#include <boost/json.hpp>
#include <utility>

#include "server/http/app.h"
#include "server/http/chat_input.h"
#include "text/token_bytes.h"
#include "text/utf8.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

/// The field may be left out: there is a default model.
const ServedModel& ReadModel(const App& app, const JsonField& body) {
  return *app.service.Find(body.FindText("model").value_or("")).model;
}

std::vector<int32_t> Encode(const ServedModel& model, const JsonField& body) {
  const text::Tokenizer& tokenizer = *model.loaded.tokenizer;
  if (body.Find("messages")) return model.loaded.prompts->Chat(ReadChat(body)).ids;
  // llama-server calls the text "content" and adds nothing to it unless it is told to.
  if (const auto content = body.FindText("content")) {
    const bool parse = body.FindFlag("parse_special").value_or(true);
    return tokenizer.Encode(
        *content, {.special_text = parse ? text::SpecialText::kParse : text::SpecialText::kInert,
                   .add_special = body.FindFlag("add_special").value_or(false)});
  }
  return tokenizer.Encode(body.Need("prompt").Text(),
                          {.add_special = body.FindFlag("add_special_tokens").value_or(true)});
}

json::value Piece(const text::Tokenizer& tokenizer, int32_t id) {
  const std::string bytes = text::TokenBytes(tokenizer, id);
  if (!text::FindInvalidUtf8(bytes)) return json::string(bytes);
  json::array list;
  for (const char c : bytes) list.push_back(static_cast<unsigned char>(c));
  return list;
}

Reply Tokenize(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  const ServedModel& model = ReadModel(app, body);
  const std::vector<int32_t> ids = Encode(model, body);
  json::array tokens;
  const bool with_pieces = body.FindFlag("with_pieces").value_or(false);
  for (const int32_t id : ids) {
    if (!with_pieces) {
      tokens.push_back(id);
    } else {
      tokens.push_back(json::object{{"id", id}, {"piece", Piece(*model.loaded.tokenizer, id)}});
    }
  }
  json::object answer{{"count", ids.size()},
                      {"max_model_len", model.engine->options().context},
                      {"tokens", std::move(tokens)}};
  if (body.FindFlag("return_token_strs").value_or(false)) {
    json::array strings;
    for (const int32_t id : ids) {
      strings.push_back(json::string(model.loaded.tokenizer->Spelling(id)));
    }
    answer["token_strs"] = std::move(strings);
  }
  return Reply{.body = json::serialize(answer)};
}

Reply Detokenize(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  const ServedModel& model = ReadModel(app, body);
  const int64_t vocab = model.loaded.model->config().vocab_size;
  std::vector<int32_t> ids;
  for (const JsonField& id : body.Need("tokens").List()) {
    ids.push_back(static_cast<int32_t>(id.Integer(0, vocab - 1)));
  }
  const std::string text = model.loaded.tokenizer->Decode(ids);
  return Reply{.body = json::serialize(json::object{{"prompt", text}, {"content", text}})};
}

Reply ApplyTemplate(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  const text::MarkedText prompt = ReadModel(app, body).loaded.prompts->Render(ReadChat(body));
  return Reply{.body = json::serialize(json::object{{"prompt", prompt.text}})};
}

}  // namespace

void AddTokenRoutes(Router& router, App& app) {
  for (const std::string prefix : {"", "/v1"}) {
    router.Add({"POST", prefix + "/tokenize", Access::kUse,
                [&app](Call& call) { return Tokenize(app, call); }});
    router.Add({"POST", prefix + "/detokenize", Access::kUse,
                [&app](Call& call) { return Detokenize(app, call); }});
  }
  router.Add({"POST", "/apply-template", Access::kUse,
              [&app](Call& call) { return ApplyTemplate(app, call); }});
}

}  // namespace hyprstream::server
