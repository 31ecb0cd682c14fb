#include "server/http/side_work.h"

#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace hyprstream::server {
namespace {

constexpr size_t kMaxJobs = 64;

Reply Perform(const SideWork::Work& work, ops::Context& context, const std::atomic<bool>& off,
              Dialect dialect) {
  try {
    return work(context, off);
  } catch (const Error& error) {
    return ErrorReply(error, dialect);
  } catch (const std::bad_alloc&) {
    return ErrorReply(503, "out of memory", dialect);
  } catch (const std::exception& problem) {
    LogError(std::string("a computation failed: ") + problem.what());
    return ErrorReply(500, "the server failed to answer", dialect);
  }
}

}  // namespace

struct SideWork::Job {
  Work work;
  Dialect dialect = Dialect::kOpenAi;
  std::atomic<bool> called_off{false};
  std::mutex mutex;
  std::optional<Reply> reply;   // guarded by mutex
  std::function<void()> ready;  // guarded by mutex
};

class SideWork::Result : public LaterReply {
 public:
  explicit Result(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  ~Result() override { job_->called_off = true; }

  void WhenReady(std::function<void()> ready) override {
    const std::lock_guard lock(job_->mutex);
    job_->ready = std::move(ready);
  }
  std::optional<Reply> Take() override {
    const std::lock_guard lock(job_->mutex);
    return std::exchange(job_->reply, std::nullopt);
  }

 private:
  std::shared_ptr<Job> job_;
};

SideWork::SideWork() : thread_([this] { Run(); }) {}

SideWork::~SideWork() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    for (const auto& job : jobs_) job->called_off = true;
  }
  arrived_.notify_one();
  thread_.join();
}

Reply SideWork::Later(Work work, Dialect dialect) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->dialect = dialect;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxJobs) {
      throw Error(ErrorCode::kUnavailable,
                  {.message = "too many requests wait already; try again"});
    }
    jobs_.push_back(job);
  }
  arrived_.notify_one();
  Reply reply;
  reply.later = std::make_unique<Result>(std::move(job));
  return reply;
}

void SideWork::Run() {
  engine::Compute compute(1);
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (job->called_off) continue;
    ops::Context context = compute.context();
    Reply reply = Perform(job->work, context, job->called_off, job->dialect);
    std::function<void()> ready;
    {
      const std::lock_guard lock(job->mutex);
      job->reply = std::move(reply);
      ready = job->ready;
    }
    if (ready) ready();
  }
}

}  // namespace hyprstream::server
