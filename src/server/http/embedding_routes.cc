// OpenAI's embeddings.
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "server/http/app.h"
#include "server/http/embeddings.h"
#include "server/http/quota_http.h"
#include "server/http/sampling_input.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

enum class Encoding { kFloat, kBase64 };

Encoding ReadEncoding(const JsonField& body) {
  const auto format = body.Find("encoding_format");
  if (!format || format->Text() == "float") return Encoding::kFloat;
  if (format->Text() != "base64") format->Refuse("float or base64");
  return Encoding::kBase64;
}

std::string Tell(const Embeddings& made, const Speaker& speaker, Encoding encoding) {
  json::array data;
  for (const std::vector<float>& vector : made.vectors) {
    json::object entry{{"object", "embedding"}, {"index", data.size()}};
    if (encoding == Encoding::kBase64) {
      entry["embedding"] = Base64Floats(vector);
    } else {
      entry["embedding"] = json::array(vector.begin(), vector.end());
    }
    data.push_back(std::move(entry));
  }
  return json::serialize(
      json::object{{"object", "list"},
                   {"data", std::move(data)},
                   {"model", speaker.name},
                   {"usage", {{"prompt_tokens", made.tokens}, {"total_tokens", made.tokens}}}});
}

Reply Embed(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  auto speaker =
      std::make_shared<const Speaker>(app.service.Find(body.Need("model").Text(), ReadLora(body)));
  const Encoding encoding = ReadEncoding(body);
  const int64_t hidden = speaker->model->loaded.model->config().hidden_size;
  const auto dimensions = body.FindInteger("dimensions", 1, hidden);
  auto inputs = std::make_shared<const std::vector<TokenInput>>(
      ReadTokenInputs(body.Need("input"), *speaker->model, ForWhat::kEmbedding));
  TakeQuota(app, call, *speaker, {.requests = 1, .tokens = TokensOf(*inputs)});
  call.record->prompt_tokens = TokensOf(*inputs);
  Headers headers;
  NameSpeaker(*speaker, *call.record, headers);
  return app.side_work.Later(
      [=](ops::Context& context, const std::atomic<bool>& called_off) {
        const Embeddings made =
            ComputeEmbeddings(context, *speaker, *inputs, dimensions, called_off);
        return Reply{.headers = headers, .body = Tell(made, *speaker, encoding)};
      },
      Dialect::kOpenAi);
}

}  // namespace

void AddEmbeddingRoutes(Router& router, App& app) {
  for (const char* path : {"/v1/embeddings", "/embeddings"}) {
    router.Add({"POST", path, Access::kUse, [&app](Call& call) { return Embed(app, call); }});
  }
}

}  // namespace hyprstream::server
