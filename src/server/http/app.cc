#include "server/http/app.h"

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

void NameSpeaker(const Speaker& speaker, RequestRecord& record, Headers& headers) {
  record.model = speaker.model->name;
  record.version = speaker.version();
  headers.emplace_back("x-hyprstream-adapter-version", record.version);
}

}  // namespace hyprstream::server
