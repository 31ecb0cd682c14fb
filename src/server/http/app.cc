#include "server/http/app.h"

#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace hyprstream::server {

void App::Admit(const ServedModel& model) const {
  if (draining) {
    throw Error(ErrorCode::kUnavailable, {.message = "the server is about to end"});
  }
  const int64_t waiting = model.engine->Stats().waiting;
  if (waiting < limits.max_waiting) return;
  throw Error(ErrorCode::kUnavailable, {.message = "too many requests wait already; try again",
                                        .found = std::to_string(waiting)});
}

std::function<void(std::string)> Rememberer(const Speaker& speaker, const std::string& id,
                                            Question question) {
  engine::AnsweredCompletion completion{.id = id,
                                        .adapter = {},
                                        .messages = std::move(question.messages),
                                        .text = std::move(question.text)};
  if (!speaker.adapters.empty()) {
    const std::string& name = speaker.adapters.front().adapter->name;
    const size_t at = name.rfind('@');
    completion.adapter = name.substr(0, at);
    completion.version = std::atoll(name.c_str() + at + 1);
  }
  engine::Learner* const learner = speaker.model->learner.get();
  return [learner, completion = std::move(completion)](std::string answer) mutable {
    completion.answer = std::move(answer);
    learner->answered().Remember(std::move(completion));
  };
}

void NameSpeaker(const Speaker& speaker, RequestRecord& record, Headers& headers) {
  record.model = speaker.model->name;
  record.version = speaker.version();
  headers.emplace_back("x-hyprstream-adapter-version", record.version);
}

}  // namespace hyprstream::server
