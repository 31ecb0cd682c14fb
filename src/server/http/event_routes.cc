// What learning does, as server-sent events.
#include <boost/json.hpp>
#include <mutex>
#include <utility>

#include "server/http/app.h"
#include "server/http/learning_form.h"
#include "server/http/openai_form.h"

namespace hyprstream::server {
namespace {

/// Wakes the connection: events may come before it has said how.
struct Bell {
  std::mutex mutex;
  std::function<void()> ready;  // guarded by mutex

  void Ring() {
    std::function<void()> call;
    {
      const std::lock_guard lock(mutex);
      call = ready;
    }
    if (call) call();
  }
};

class EventStream : public BodySource {
 public:
  EventStream(const App& app, std::string adapter)
      : app_(app), adapter_(std::move(adapter)), bell_(std::make_shared<Bell>()) {
    for (const ServedModel& model : app.service.models()) {
      feeds_.push_back(model.learner->events().Subscribe(1024, [bell = bell_] { bell->Ring(); }));
    }
  }

  void WhenReady(std::function<void()> ready) override {
    const std::lock_guard lock(bell_->mutex);
    bell_->ready = std::move(ready);
  }

  State Take(std::string& out) override {
    if (!std::exchange(greeted_, true)) out += ": listening\n\n";
    for (const auto& feed : feeds_) {
      while (auto event = feed->TryNext()) {
        if (!adapter_.empty() && event->adapter != adapter_) continue;
        out.append("event: ").append(engine::LearningEventKindName(event->kind));
        out.append("\ndata: ").append(boost::json::serialize(EventObject(*event)));
        out += "\n\n";
      }
    }
    return app_.draining ? State::kEnd : State::kMore;
  }

  std::string_view Heartbeat() const override { return ": still here\n\n"; }

 private:
  const App& app_;
  const std::string adapter_;  // empty: all
  const std::shared_ptr<Bell> bell_;
  std::vector<std::shared_ptr<engine::EventSubscription>> feeds_;
  bool greeted_ = false;
};

}  // namespace

void AddEventRoutes(Router& router, App& app) {
  router.Add({"GET", "/v1/events", Access::kUse, [&app](Call& call) {
                Reply reply;
                PrepareSse(reply);
                reply.stream = std::make_unique<EventStream>(
                    app, QueryValue(call.request.query, "adapter").value_or(""));
                return reply;
              }});
}

}  // namespace hyprstream::server
