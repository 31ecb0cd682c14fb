// A course of training on a tiny random model: it learns, keeps to its share of weights, repeats
// bit for bit, with any number of threads, and goes on after an interruption as if there was none.
#include "training/run.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cmath>

#include <filesystem>

#include "base/error.h"
#include "base/random.h"
#include "model/harness.h"

namespace hyprstream::training {
namespace {

using namespace hyprstream::testing;

std::vector<Sample> RandomSamples(size_t count, uint64_t seed) {
  const CounterRandom random(seed);
  uint64_t next = 0;
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    for (int t = 0; t < 12; ++t) {
      const auto id = static_cast<int32_t>(random.Uniform(next++) * 400.0);
      sample.ids.push_back(id);
      sample.labels.push_back(t < 4 ? kIgnoredLabel : id);
    }
  }
  return samples;
}

struct Course {
  explicit Course(int threads = 2, adapters::AdapterKind kind = adapters::AdapterKind::kSparse)
      : compute(threads), model(LoadExact(DataPath("fixtures/qwen3-untied"), compute.context)) {
    adapters::AdapterSpec spec = adapters::DefaultSpec(kind, model->config(), model->fingerprint());
    if (kind == adapters::AdapterKind::kSparse) {
      spec.sparsity = 0.9;
      spec.nominal_rank = 16;
    } else {
      spec.nominal_rank = 4;
    }
    trainer = std::make_unique<Trainer>(
        model, adapters::TrainableAdapter(adapters::Topology(model->config(), spec)),
        TrainerOptions{.adamw = {.beta2 = 0.99}});
    options.schedule = {.peak = 1e-2, .decay = Decay::kLinear, .warmup = 3, .steps = 24};
    options.batch = 4;
    options.seed = 7;
    options.eval_every = 5;
    options.regrow_every = 10;
  }

  TrainingRun Run() {
    return {
        *trainer,
        {.train = RandomSamples(8, 1), .replay = RandomSamples(6, 2), .eval = RandomSamples(3, 3)},
        options};
  }
  std::vector<float> Values() const {
    return TakeSnapshot(trainer->adapter(), WithMoments::kYes).values;
  }

  Compute compute;
  std::shared_ptr<const model::Model> model;
  std::unique_ptr<Trainer> trainer;
  RunOptions options;
};

std::vector<double> RunToEnd(Course& course, TrainingRun& run) {
  std::vector<double> losses;
  run.Prepare(course.compute.context);
  while (!run.done()) losses.push_back(run.Next(course.compute.context).result.loss);
  run.Finish();
  return losses;
}

TEST(TrainingRun, LearnsWithinItsShareOfWeights) {
  Course course;
  course.options.schedule.steps = 60;
  course.options.replay_share = 0.0;
  TrainingRun run = course.Run();
  run.Prepare(course.compute.context);
  const adapters::TrainableAdapter& adapter = course.trainer->adapter();
  EXPECT_LE(adapter.weights(), adapter.topology().parameters_allowed());
  EXPECT_GT(adapter.weights(), adapter.topology().parameters_allowed() / 2);
  double first = 0.0, last = 0.0;
  int64_t regrown = 0;
  while (!run.done()) {
    const StepReport report = run.Next(course.compute.context);
    EXPECT_GE(report.sparsity, adapter.spec().sparsity);
    EXPECT_EQ(report.sparsity, adapter.Statistics().sparsity());
    if (report.step == 1) first = report.result.loss;
    last = report.result.loss;
    regrown += report.regrown;
  }
  EXPECT_LT(last, 0.8 * first);
  EXPECT_GT(regrown, 0);
}

TEST(TrainingRun, FillsOnlyTheAskedShareOfIt) {
  Course course;
  course.options.grow.fill = 0.5;
  TrainingRun run = course.Run();
  const adapters::TrainableAdapter& adapter = course.trainer->adapter();
  run.Prepare(course.compute.context);
  const int64_t half = adapter.topology().parameters_allowed() / 2;
  EXPECT_GT(adapter.weights(), half / 2);
  while (!run.done()) {
    EXPECT_LE(adapter.weights(), half);
    run.Next(course.compute.context);
  }
}

TEST(TrainingRun, ReviewsWhatWasTaughtBefore) {
  const std::vector<Sample> taught = RandomSamples(6, 9);
  const auto loss_with = [&](std::vector<Sample> review) {
    Course course;
    TrainingRun run(*course.trainer, {.train = RandomSamples(8, 1), .review = std::move(review)},
                    course.options);
    RunToEnd(course, run);
    std::vector<const Sample*> pointers;
    for (const Sample& sample : taught) pointers.push_back(&sample);
    return MeanOf(course.trainer->Losses(course.compute.context, pointers, {},
                                         Trainer::Use::kWithAdapter))
        .mean;
  };
  EXPECT_LT(loss_with(taught), 0.8 * loss_with({}));
}

TEST(TrainingRun, MoreWeightOnReplayKeepsTheModelNearerToItself) {
  const auto strayed = [](float weight) {
    Course course;
    course.options.replay_loss = {.kind = ops::LossKind::kForwardKl, .weight = weight};
    TrainingRun run = course.Run();
    RunToEnd(course, run);
    std::vector<const Sample*> pointers;
    for (const Sample& sample : run.data().replay) pointers.push_back(&sample);
    return MeanOf(course.trainer->Losses(course.compute.context, pointers,
                                         {.kind = ops::LossKind::kForwardKl},
                                         Trainer::Use::kWithAdapter))
        .mean;
  };
  EXPECT_LT(strayed(8.0f), 0.8 * strayed(1.0f));
}

TEST(TrainingRun, EvenReplayMindsShortSamplesMore) {
  const auto strayed = [](double evenness) {
    Course course;
    course.options.replay_evenness = evenness;
    std::vector<Sample> replay = RandomSamples(6, 2);
    for (size_t i = 0; i < 3; ++i) {
      replay[i].labels.resize(5);
      replay[i].ids.resize(5);
    }
    TrainingRun run(*course.trainer, {.train = RandomSamples(8, 1), .replay = replay},
                    course.options);
    RunToEnd(course, run);
    std::vector<const Sample*> short_ones;
    for (size_t i = 0; i < 3; ++i) short_ones.push_back(&replay[i]);
    return MeanOf(course.trainer->Losses(course.compute.context, short_ones,
                                         {.kind = ops::LossKind::kForwardKl},
                                         Trainer::Use::kWithAdapter))
        .mean;
  };
  EXPECT_LT(strayed(1.0), 0.9 * strayed(0.0));
}

TEST(TrainingRun, EvenReplayWeighsAsMuchInAll) {
  Course course;
  course.options.replay_evenness = 0.5;
  std::vector<Sample> replay = RandomSamples(2, 2);
  replay[0].labels.assign(12, kIgnoredLabel);
  replay[0].labels[5] = replay[0].labels[8] = 1;  // two targets beside eight
  const TrainingRun run(*course.trainer, {.train = RandomSamples(8, 1), .replay = replay},
                        course.options);
  const std::vector<Sample>& evened = run.data().replay;
  EXPECT_NEAR(evened[0].weight, 2.0f * evened[1].weight, 1e-6f);
  EXPECT_NEAR(2.0f * evened[0].weight + 8.0f * evened[1].weight, 10.0f, 1e-5f);
}

TEST(TrainingRun, RemembersWhatTheTeacherSaidWithoutChangingABit) {
  const auto values_with = [](Bytes memory) {
    Course course;
    course.options.teacher_memory = memory;
    TrainingRun run = course.Run();
    RunToEnd(course, run);
    return course.Values();
  };
  const std::vector<float> none = values_with({0});
  EXPECT_EQ(values_with({uint64_t{1} << 20}), none);
  EXPECT_EQ(values_with({1500}), none);  // of one sample or two
}

TEST(MeanOf, CountsValuesByTheirTargets) {
  const std::vector<double> losses{1.0, 4.0}, targets{3.0, 1.0};
  const MeanInterval mean = MeanOf(losses, targets);
  EXPECT_DOUBLE_EQ(mean.mean, 1.75);
  // Residuals 3 · (1 - 1.75) and 4 - 1.75, n / (n - 1) = 2, over four targets.
  EXPECT_DOUBLE_EQ(mean.half_width, 1.96 * std::sqrt(2.0 * 2.0 * 2.25 * 2.25) / 4.0);
}

TEST(MeanOf, OfEqualTargetsIsThePlainMean) {
  const std::vector<double> losses{1.0, 2.0, 6.0}, targets(3, 5.0);
  EXPECT_DOUBLE_EQ(MeanOf(losses, targets).mean, 3.0);
  EXPECT_DOUBLE_EQ(MeanOf(losses, targets).half_width, MeanOf(losses).half_width);
  EXPECT_DOUBLE_EQ(MeanOf(losses).half_width, 1.96 * std::sqrt(7.0 / 3.0));
}

TEST(TrainingRun, ADenseAdapterLearnsToo) {
  Course course(2, adapters::AdapterKind::kLora);
  course.options.replay_share = 0.0;
  TrainingRun run = course.Run();
  const std::vector<double> losses = RunToEnd(course, run);
  EXPECT_LT(losses.back(), 0.8 * losses.front());
}

TEST(TrainingRun, RepeatsBitForBitWithAnyNumberOfThreads) {
  Course one(1), two(2), again(2);
  TrainingRun run_one = one.Run(), run_two = two.Run(), run_again = again.Run();
  const std::vector<double> losses = RunToEnd(one, run_one);
  EXPECT_EQ(RunToEnd(two, run_two), losses);
  EXPECT_EQ(RunToEnd(again, run_again), losses);
  EXPECT_EQ(one.Values(), two.Values());
  EXPECT_EQ(one.Values(), again.Values());
}

TEST(TrainingRun, GoesOnAfterAnInterruptionWithEqualBits) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("hyprstream_run_test_" + std::to_string(getpid()) + ".safetensors");
  Course whole;
  TrainingRun uninterrupted = whole.Run();
  RunToEnd(whole, uninterrupted);
  for (const int64_t stop : {1, 12, 23}) {
    {
      Course before;
      TrainingRun run = before.Run();
      run.Prepare(before.compute.context);
      while (run.step() < stop) run.Next(before.compute.context);
      run.Save(path);
    }
    Course after;
    TrainingRun run = after.Run();
    run.Restore(path);
    EXPECT_EQ(run.step(), stop);
    RunToEnd(after, run);
    EXPECT_EQ(after.Values(), whole.Values()) << "stopped after step " << stop;
    EXPECT_EQ(run.best_loss(), uninterrupted.best_loss());
  }
  Course other;
  other.options.schedule.peak = 2e-2;
  TrainingRun foreign = other.Run();
  EXPECT_THROW(foreign.Restore(path), Error);
  std::filesystem::remove(path);
}

TEST(TrainingRun, EarlyStoppingReturnsToTheBest) {
  Course course;
  course.options.schedule = {.peak = 5e-2, .decay = Decay::kConstant, .steps = 200};
  course.options.replay_share = 0.0;
  course.options.eval_every = 2;
  course.options.patience = 3;
  TrainingRun run = course.Run();
  RunToEnd(course, run);
  EXPECT_TRUE(run.stopped_early());
  EXPECT_EQ(run.step(), run.best_step() + 6);
  std::vector<const Sample*> eval;
  for (const Sample& sample : run.data().eval) eval.push_back(&sample);
  const auto losses = course.trainer->Losses(course.compute.context, eval, course.options.loss,
                                             Trainer::Use::kWithAdapter);
  EXPECT_EQ(MeanOf(losses).mean, *run.best_loss());
}

TEST(TrainingRun, EndsWhenEnoughIsLearnt) {
  Course course;
  course.options.enough = 1e9;
  TrainingRun run = course.Run();
  RunToEnd(course, run);
  EXPECT_TRUE(run.stopped_early());
  EXPECT_EQ(run.step(), 5);  // the first evaluation
}

// The first evaluation, after step 5, is enough.
struct CoolingCourse : Course {
  CoolingCourse() {
    options.enough = 1e9;
    options.cool_down = 4;
  }
};

TEST(TrainingRun, CoolsDownOnceEnoughIsLearnt) {
  CoolingCourse course;
  TrainingRun run = course.Run();
  RunToEnd(course, run);
  ASSERT_EQ(run.step(), 9);
  EXPECT_TRUE(run.stopped_early());
  for (size_t step = 5; step < 9; ++step) {
    EXPECT_LT(run.history()[step].learning_rate, run.history()[step - 1].learning_rate);
  }
  const Schedule& schedule = course.options.schedule;
  EXPECT_NEAR(run.history()[8].learning_rate, schedule.final_share * schedule.At(4), 1e-12);
  EXPECT_EQ(run.best_step(), 9) << "the last step counts, however the loss went meanwhile";
}

TEST(TrainingRun, GoesOnCoolingDownAfterAnInterruption) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("hyprstream_cooling_test_" + std::to_string(getpid()) + ".safetensors");
  CoolingCourse whole;
  TrainingRun uninterrupted = whole.Run();
  RunToEnd(whole, uninterrupted);
  for (const int64_t stop : {5, 7, 9}) {
    CoolingCourse before, after;
    TrainingRun run = before.Run();
    run.Prepare(before.compute.context);
    while (run.step() < stop) run.Next(before.compute.context);
    run.Save(path);
    TrainingRun again = after.Run();
    again.Restore(path);
    RunToEnd(after, again);
    EXPECT_EQ(again.step(), 9);
    EXPECT_EQ(after.Values(), whole.Values()) << "stopped after step " << stop;
  }
  std::filesystem::remove(path);
}

TEST(TrainingRun, FewSamplesWeighAsMuchAsIfTheyFilledTheirPlaces) {
  std::vector<std::vector<float>> values;
  std::vector<double> losses;
  for (const size_t copies : {1, 2}) {  // of two places
    Course course;
    course.options.schedule.steps = 4;
    course.options.regrow_every = 0;
    RunData data{.train = std::vector<Sample>(copies, RandomSamples(1, 1).front()),
                 .replay = RandomSamples(6, 2)};
    TrainingRun run(*course.trainer, std::move(data), course.options);
    losses.push_back(RunToEnd(course, run).back());
    values.push_back(course.Values());
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-3 * losses[1]);
  ASSERT_EQ(values[0].size(), values[1].size());
  for (size_t i = 0; i < values[0].size(); ++i) ASSERT_NEAR(values[0][i], values[1][i], 2e-3);
}

TEST(TrainingRun, ComponentsGoWhereTheGradientIs) {
  Course course;
  TrainingRun run = course.Run();
  const std::vector<const Sample*> samples{&run.data().train[0]};
  const auto before =
      course.trainer->Losses(course.compute.context, samples, {}, Trainer::Use::kWithAdapter);
  run.Prepare(course.compute.context);
  // b is zero: nothing has changed yet.
  EXPECT_EQ(course.trainer->Losses(course.compute.context, samples, {}, Trainer::Use::kWithAdapter),
            before);
  EXPECT_EQ(course.trainer->Losses(course.compute.context, samples, {}, Trainer::Use::kBaseOnly),
            before);
}

}  // namespace
}  // namespace hyprstream::training
