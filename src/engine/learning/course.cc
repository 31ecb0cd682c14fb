#include "engine/learning/course.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace hyprstream::engine {
namespace {

using adapters::SampleRecord;
using adapters::SampleState;
using training::Sample;

constexpr int64_t kAll = 1'000'000;
constexpr size_t kStandIns = 16;

void Append(const Lesson& lesson, std::vector<Sample>& samples) {
  samples.insert(samples.end(), lesson.samples.begin(), lesson.samples.end());
}

// Held out by whoever sent it, not by a burst.
bool GivenToJudge(const SampleRecord& record) { return record.burst == 0; }

HeldOutChoice All(size_t count) {
  HeldOutChoice all{.train = std::vector<size_t>(count), .held_out = {}};
  std::iota(all.train.begin(), all.train.end(), size_t{0});
  return all;
}

std::vector<int64_t> IdsOf(std::span<const Lesson> lessons, std::span<const size_t> indices) {
  std::vector<int64_t> ids;
  for (const size_t i : indices) ids.push_back(lessons[i].id);
  return ids;
}

}  // namespace

std::vector<Lesson> Course::Encode(const CourseSetup& setup,
                                   const std::vector<SampleRecord>& records,
                                   std::vector<int64_t>* unusable) {
  std::vector<Lesson> lessons;
  for (const SampleRecord& record : records) {
    try {
      Lesson lesson{
          .id = record.id, .feedback = record.feedback, .samples = setup.parts.encode(record.body)};
      if (record.weight) {
        for (Sample& sample : lesson.samples) sample.weight = static_cast<float>(*record.weight);
      }
      lessons.push_back(std::move(lesson));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      LogWarning("sample " + std::to_string(record.id) + " cannot be used: " + error.what());
      if (unusable != nullptr) unusable->push_back(record.id);
    }
  }
  return lessons;
}

std::unique_ptr<Course> Course::Open(const CourseSetup& setup, const std::string& adapter,
                                     int64_t last) {
  const int64_t current = setup.store.Get(adapter).current;
  std::optional<adapters::Burst> burst = setup.records.Get(adapter).open;
  Lessons lessons;
  lessons.review = Encode(
      setup, setup.journal.Newest(adapter, setup.options.review, SampleState::kTrained), nullptr);
  std::vector<SampleRecord> held = setup.journal.List(adapter, 0, kAll, SampleState::kHeldOut);
  // Those that came to be judged by stand for what a burst would spare of its own.
  const bool given = std::ranges::any_of(held, &GivenToJudge);
  if (!burst) {
    const auto plan = setup.records.Plan(adapter);
    const int64_t most =
        plan && plan->most_samples > 0 ? plan->most_samples : setup.options.most_samples;
    std::vector<SampleRecord> queued = setup.journal.List(adapter, 0, most, SampleState::kQueued);
    std::erase_if(queued, [&](const SampleRecord& record) { return record.id > last; });
    std::vector<int64_t> unusable;
    const std::vector<Lesson> fresh = Encode(setup, queued, &unusable);
    if (fresh.empty()) {
      setup.journal.Mark(unusable, SampleState::kUnusable);
      return nullptr;
    }
    const HeldOutChoice choice = given ? All(fresh.size()) : ChooseHeldOut(fresh, lessons.review);
    const std::vector<int64_t> train = IdsOf(fresh, choice.train);
    const std::vector<int64_t> held_out = IdsOf(fresh, choice.held_out);
    burst = setup.records.Begin(adapter, current,
                                {.train = train, .held_out = held_out, .unusable = unusable});
  } else if (burst->base != current) {
    setup.records.Rebase(adapter, current);
    burst->base = current;
  }
  std::vector<SampleRecord> mine = setup.journal.List(adapter, 0, kAll, SampleState::kQueued);
  std::erase_if(mine, [&](const SampleRecord& record) { return record.burst != burst->number; });
  lessons.fresh = Encode(setup, mine, nullptr);
  held = setup.journal.List(adapter, 0, kAll, SampleState::kHeldOut);
  const auto now = std::ranges::stable_partition(held, [&](const SampleRecord& record) {
    return record.burst != burst->number && !GivenToJudge(record);
  });
  lessons.held_now = Encode(setup, {now.begin(), now.end()}, nullptr);
  held.erase(now.begin(), now.end());
  lessons.held_before = Encode(setup, held, nullptr);
  if (lessons.fresh.empty()) {
    setup.records.End(adapter);
    return nullptr;
  }
  // NOLINTNEXTLINE: the constructor is private to this class
  return std::unique_ptr<Course>(new Course(setup, adapter, *burst, std::move(lessons)));
}

Course::Course(const CourseSetup& setup, std::string adapter, adapters::Burst burst,
               Lessons lessons)
    : setup_(setup),
      adapter_(std::move(adapter)),
      burst_(burst),
      fresh_(std::ssize(lessons.fresh)) {
  for (const Lesson& lesson : lessons.fresh) Append(lesson, data_.train);
  for (const Lesson& lesson : lessons.review) Append(lesson, data_.review);
  data_.replay = setup.replay;
  // Held out by this burst, and by earlier ones as far as nobody has taught it since.
  std::vector<Lesson> taught = std::move(lessons.review);
  taught.insert(taught.end(), lessons.fresh.begin(), lessons.fresh.end());
  for (const size_t i : Reservoir(lessons.held_before, taught, setup.options.held_out)) {
    Append(lessons.held_before[i], data_.eval);
  }
  known_ = data_.eval.size();
  for (const size_t i : Reservoir(lessons.held_now, taught, lessons.held_now.size())) {
    Append(lessons.held_now[i], data_.eval);
  }
  stand_ins_ = data_.eval.size() == known_;
  if (stand_ins_) {
    // Nothing could be spared: what was taught has to stand in for it.
    for (const size_t i : Reservoir(lessons.fresh, {}, kStandIns)) {
      Append(lessons.fresh[i], data_.eval);
    }
  }
  teaching_ = MakeTeaching();
  RemoveOtherStates();
}

// Of bursts that ended or were begun again from another version.
void Course::RemoveOtherStates() const {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(setup_.store.Folder(adapter_), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("burst-") && name != StateName()) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

std::string Course::StateName() const {
  return "burst-" + std::to_string(burst_.number) + "-from-" + std::to_string(burst_.base) +
         ".safetensors";
}

std::unique_ptr<Teaching> Course::MakeTeaching() const {
  const LearnerOptions& options = setup_.options;
  training::RecipeWishes wishes = options.recipe;
  const adapters::LearningPlan plan =
      setup_.records.Plan(adapter_).value_or(adapters::LearningPlan{});
  if (plan.epochs) {
    wishes.epochs = plan.epochs;
    wishes.steps.reset();
  }
  if (plan.batch) wishes.batch = *plan.batch;
  wishes.seed += static_cast<uint64_t>(burst_.number + plan.seed);
  const adapters::AdapterKind kind = adapters::ParseAdapterKind(setup_.store.Get(adapter_).kind);
  training::Recipe recipe = training::MakeRecipe(data_, kind, wishes);
  recipe.run.schedule.peak *= options.rate * plan.rate;
  recipe.trainer.activations = options.activations;
  recipe.trainer.rows = options.rows;
  recipe.run.rows = options.rows;
  recipe.run.eval_every =
      std::max<int64_t>(1, recipe.run.schedule.steps / std::max<int64_t>(1, options.evaluations));
  if (stand_ins_) {
    recipe.run.eval_every = options.look_every;
    recipe.run.enough = options.learnt;
    recipe.run.cool_down = options.cool_down;
  }
  LoadedModel loaded;
  loaded.name = setup_.parts.model_name;
  loaded.model = setup_.parts.model;
  return std::make_unique<Teaching>(loaded, setup_.store, adapter_, data_, setup_.general,
                                    TeachOptions{.trainer = std::move(recipe.trainer),
                                                 .run = recipe.run,
                                                 .checkpoint_every = 0,
                                                 .state_name = StateName(),
                                                 .known = known_,
                                                 .least_share = options.least_share});
}

void Course::Prepare(ops::Context& context) {
  try {
    teaching_->Prepare(context, Teaching::Begin::kResume);
  } catch (const Error& error) {
    const bool useless =
        error.code() == ErrorCode::kFailedPrecondition || error.code() == ErrorCode::kDataLoss;
    if (!useless) throw;
    LogWarning("the burst begins afresh: " + std::string(error.what()));
    teaching_ = MakeTeaching();
    teaching_->Prepare(context, Teaching::Begin::kAfresh);
  }
  saved_ = std::chrono::steady_clock::now();
}

bool Course::save_due() const {
  return std::chrono::steady_clock::now() - saved_ >= setup_.options.save_every;
}

void Course::SaveIfDue(const training::StepReport& report) {
  if (!save_due()) return;
  teaching_->Save();
  saved_ = std::chrono::steady_clock::now();
  setup_.records.Note(adapter_, report.result.loss, report.learning_rate);
}

TeachResult Course::Store() {
  return teaching_->Store({.samples = setup_.journal.Count(adapter_).done() + fresh_,
                           .follows = burst_.base,
                           .along = [this](Database& database) {
                             adapters::LearningRecords::EndWithin(database, adapter_);
                           }});
}

}  // namespace hyprstream::engine
