// TrainingPass on every family: its logits are the decoder's, its gradients the reference's, and
// neither batching, threads nor forgetting changes a bit.
#include "model/training_pass.h"

#include <gtest/gtest.h>

#include <numeric>

#include "model/random_model.h"
#include "model/reference_harness.h"
#include "support/reference/losses.h"

namespace hyprstream {
namespace {

using namespace hyprstream::testing;

/// Keeps what it is given.
class RecordingSink final : public model::GradientSink {
 public:
  struct Record {
    std::vector<float> x;
    std::vector<float> dy;
    int64_t out = 0;
    std::vector<int32_t> batch_rows;
  };
  bool Wants(const model::ModulePlace& place) const override { return !only || *only == place; }
  void Take(ops::Context&, const model::LinearGradient& gradient) override {
    const auto copy = [](ConstMatrix m) {
      std::vector<float> all;
      for (int64_t i = 0; i < m.rows; ++i) all.insert(all.end(), m.row(i), m.row(i) + m.cols);
      return all;
    };
    records[gradient.place] = {copy(gradient.x),
                               copy(gradient.dy),
                               gradient.dy.cols,
                               {gradient.batch_rows.begin(), gradient.batch_rows.end()}};
  }

  std::optional<model::ModulePlace> only;
  std::map<model::ModulePlace, Record> records;
};

TrainingSamples OneSequence(const model::Model& model, int64_t tokens, int32_t seed = 0) {
  std::vector<int32_t> ids(static_cast<size_t>(tokens));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>((i * 31 + static_cast<size_t>(seed) * 17 + i * i % 7) %
                                  static_cast<size_t>(model.config().vocab_size));
  }
  std::vector<int32_t> labels = ids;
  for (size_t i = 0; i < labels.size(); i += 3) labels[i] = ops::kIgnoredLabel;
  TrainingSamples samples;
  samples.Add(ids, labels);
  return samples;
}

RecordingSink Record(ops::Context& context, const std::shared_ptr<const model::Model>& model,
                     const TrainingSamples& samples, const TestAdapter& adapter) {
  model::TrainingPass pass(model);
  RecordingSink sink;
  AddLossAndGradients(context, pass, samples, adapter, {}, 1.0f, &sink);
  return sink;
}

class TrainingFamily : public ::testing::TestWithParam<const char*> {};

TEST_P(TrainingFamily, GivesTheDecodersLogitsWithAdapters) {
  for (const ops::Arithmetic arithmetic : {ops::Arithmetic::kExact, ops::Arithmetic::kServing}) {
    Compute compute(2);
    const auto model = model::Model::Load(
        formats::ModelFiles::Open(DataPath(std::string("fixtures/") + GetParam())), compute.context,
        {.arithmetic = arithmetic});
    const TestAdapter adapter = RandomAdapter(model->config(), 3, 1.5f);
    const TrainingSamples samples = OneSequence(*model, 70);
    const model::AdapterUse use{0, 70, &adapter.views, adapter.scale};
    std::vector<int32_t> rows(70);
    std::iota(rows.begin(), rows.end(), 0);
    const Tensor want = RunModel(*model, compute.context, samples.tokens, {.adapters = {use}});
    model::TrainingPass pass(model);
    const ConstMatrix hidden = pass.Forward(compute.context,
                                            {.tokens = samples.tokens,
                                             .sequences = samples.sequences,
                                             .target_rows = rows,
                                             .adapters = {&use, 1}},
                                            nullptr);
    const int64_t vocab = model->config().vocab_size;
    Tensor logits(DType::kF32, {70, vocab});
    const ops::LinearCall head{&pass.head(), {logits.As<float>().data(), 70, vocab, vocab}, {}};
    ops::Linear(compute.context, hidden, {&head, 1});
    const float tolerance = arithmetic == ops::Arithmetic::kExact ? 1e-4f : 0.15f;
    EXPECT_LE(MaxDifference(logits.As<float>(), want.As<float>()), tolerance);
  }
}

// Quantised models too: the reference widens the same blocks.
TEST_P(TrainingFamily, GivesTheReferencesGradients) {
  Compute compute(2);
  const auto model = LoadExact(DataPath(std::string("fixtures/") + GetParam()), compute.context);
  const TestAdapter adapter = RandomAdapter(model->config(), 3, 1.5f);
  const TrainingSamples samples = OneSequence(*model, 70);
  model::TrainingPass pass(model);
  model::LowRankSink sink(adapter.views);
  const double loss = AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, &sink);

  const auto reference = ReferenceModel<double>(*model, adapter);
  const reference::Run<double> run(reference, samples.tokens);
  const reference::Grid<double> logits = run.Logits();
  reference::Grid<double> d(logits.rows, logits.cols);
  double want_loss = 0;
  for (size_t i = 0; i < samples.labels.size(); ++i) {
    reference::Grid<double> row(1, logits.cols);
    for (int64_t v = 0; v < logits.cols; ++v) row.at(0, v) = logits.at(samples.target_rows[i], v);
    want_loss += reference::CrossEntropy(row, {samples.labels[i]}, 0.0);
    const auto gradient = reference::CrossEntropyGradient(row, {samples.labels[i]}, 0.0);
    for (int64_t v = 0; v < logits.cols; ++v) {
      d.at(samples.target_rows[i], v) = gradient.at(0, v);
    }
  }
  EXPECT_NEAR(loss, want_loss, 1e-5 * want_loss);
  const auto want = run.Backward(d);
  size_t compared = 0;
  for (const auto& [place, got] : sink.gradients()) {
    const auto& expected = want.at(ReferenceName(*model, place));
    const std::vector<float> a(expected.a.data.begin(), expected.a.data.end());
    const std::vector<float> b(expected.b.data.begin(), expected.b.data.end());
    const Tensor columns = Transposed(b, expected.b.rows, expected.b.cols);
    const std::string name = ReferenceName(*model, place);
    EXPECT_LE(RelativeDifference(got.a.As<float>(), a), 1e-4) << name << " A";
    EXPECT_LE(RelativeDifference(got.b.As<float>(), columns.As<float>()), 1e-4) << name << " B";
    ++compared;
  }
  EXPECT_GE(compared, adapter.factors().size() / 2);  // an expert may have had no rows
}

TEST_P(TrainingFamily, HasEqualBitsPackedOrAloneWholeOrRecomputedWithAnyThreads) {
  Compute two(2);
  Compute one(1);
  const auto model = LoadExact(DataPath(std::string("fixtures/") + GetParam()), two.context);
  const TestAdapter adapter = RandomAdapter(model->config(), 3, 1.5f);
  const std::vector<TrainingSamples> parts = {OneSequence(*model, 40, 1), OneSequence(*model, 3, 2),
                                              OneSequence(*model, 65, 3)};
  const TrainingSamples packed = Packed(parts);
  model::TrainingPass remembering(model);
  RecordingSink whole;
  AddLossAndGradients(two.context, remembering, packed, adapter, {}, 1.0f, &whole);
  const Bytes whole_bytes = remembering.remembered();
  const int64_t layers = model->config().num_hidden_layers;
  ASSERT_GE(whole.records.size(), static_cast<size_t>(layers * 7));
  int tried = 0;
  // From forgetting one layer down to remembering the inputs only, which the last budget that
  // suffices comes close to.
  for (uint64_t budget = whole_bytes.value - 1;; budget = budget * 3 / 4, ++tried) {
    model::TrainingPass pass(model, {.activations = {budget}});
    RecordingSink again;
    try {
      AddLossAndGradients(one.context, pass, packed, adapter, {}, 1.0f, &again);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
      break;
    }
    EXPECT_GT(pass.lowest_whole_layer(), 0) << "nothing was forgotten";
    EXPECT_LE(pass.remembered().value, budget);
    EXPECT_LE(pass.held().value, std::max<uint64_t>(budget, 4 << 20));
    for (const auto& [place, record] : whole.records) {
      EXPECT_EQ(again.records.at(place).x, record.x);
      EXPECT_EQ(again.records.at(place).dy, record.dy);
    }
  }
  EXPECT_GT(tried, 0);
  if (model->config().moe.experts > 0) return;  // an expert's rows are mixed in the packed batch
  std::map<model::ModulePlace, std::vector<float>> alone;
  for (const TrainingSamples& part : parts) {
    for (const auto& [place, record] : Record(one.context, model, part, adapter).records) {
      std::vector<float>& all = alone[place];
      all.insert(all.end(), record.dy.begin(), record.dy.end());
    }
  }
  for (const auto& [place, record] : whole.records) EXPECT_EQ(alone.at(place), record.dy);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TrainingFamily,
                         ::testing::Values("qwen3-untied", "qwen3-tied/bf16", "qwen2-bias",
                                           "llama-llama3rope", "llama-linear", "qwen3-yarn",
                                           "mistral-sliding", "qwen3-moe",
                                           "gguf/qwen3-gguf/model-Q8_0.gguf",
                                           "gguf/qwen3-gguf/model-Q4_0.gguf",
                                           "gguf/qwen3-kquant-Q4_K_M.gguf",
                                           "gguf/llama-gguf/model-llama3rope-Q8_0.gguf"));

TEST(TrainingPass, GoesNoFurtherDownThanWanted) {
  Compute compute(2);
  const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  const TestAdapter adapter = RandomAdapter(model->config(), 3, 1.5f);
  const TrainingSamples samples = OneSequence(*model, 30);
  const RecordingSink all = Record(compute.context, model, samples, adapter);
  for (int64_t layer = 0; layer < model->config().num_hidden_layers; ++layer) {
    for (int module = 0; module < model::kModules; ++module) {
      model::TrainingPass pass(model);
      RecordingSink sink;
      sink.only = model::ModulePlace{layer, static_cast<model::Module>(module), 0};
      AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, &sink);
      EXPECT_EQ(pass.lowest_layer(), layer);
      ASSERT_EQ(sink.records.size(), 1u);
      EXPECT_EQ(sink.records.at(*sink.only).x, all.records.at(*sink.only).x);
      EXPECT_EQ(sink.records.at(*sink.only).dy, all.records.at(*sink.only).dy);
    }
  }
}

TEST(TrainingPass, RemembersNothingWithoutASink) {
  Compute compute(1);
  const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  const TrainingSamples samples = OneSequence(*model, 30);
  model::TrainingPass pass(model, {.activations = {20'000}});  // less than the layers' inputs
  const ConstMatrix hidden = pass.Forward(compute.context,
                                          {.tokens = samples.tokens,
                                           .sequences = samples.sequences,
                                           .target_rows = samples.target_rows},
                                          nullptr);
  EXPECT_EQ(hidden.rows, static_cast<int64_t>(samples.target_rows.size()));
  EXPECT_EQ(pass.lowest_layer(), model->config().num_hidden_layers);
}

TEST(TrainingPass, SaysWhatWouldFitWhenTheBudgetIsTooSmall) {
  Compute compute(1);
  const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  const TestAdapter adapter = RandomAdapter(model->config(), 1, 1.0f);
  const TrainingSamples samples = OneSequence(*model, 30);
  model::TrainingPass pass(model, {.activations = {20'000}});
  model::LowRankSink sink(adapter.views);
  const model::TrainingBatch batch{
      .tokens = samples.tokens, .sequences = samples.sequences, .target_rows = samples.target_rows};
  EXPECT_THROW(pass.Forward(compute.context, batch, &sink), Error);
}

// Central differences of the f32 code itself, along random directions of all factors.
TEST(TrainingPass, GradientsAreCentralDifferencesOfItsOwnLoss) {
  Compute compute(2);
  for (const char* name : {"qwen3-untied", "mistral-sliding"}) {
    const auto model = LoadExact(DataPath(std::string("fixtures/") + name), compute.context);
    TestAdapter adapter = RandomAdapter(model->config(), 3, 1.5f);
    const TrainingSamples samples = OneSequence(*model, 40);
    model::TrainingPass pass(model);
    model::LowRankSink sink(adapter.views);
    AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, &sink);
    for (const auto& [place, gradient] : sink.gradients()) {
      auto& [a, b] = adapter.At(place);
      for (const bool first : {true, false}) {
        const std::span<float> values = (first ? a : b).As<float>();
        const std::span<const float> slope = (first ? gradient.a : gradient.b).As<float>();
        double norm = 0;
        for (const float g : slope) norm += double{g} * g;
        norm = std::sqrt(norm);
        const auto step = static_cast<float>(2e-2 / norm);  // the loss moves by about 2e-2·|g|
        const std::vector<float> kept(values.begin(), values.end());
        const auto loss = [&](float sign) {
          for (size_t i = 0; i < values.size(); ++i) {
            values[i] = kept[i] + sign * step * slope[i];
          }
          return AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, nullptr);
        };
        const double difference = (loss(1.0f) - loss(-1.0f)) / (2.0 * step);
        std::ranges::copy(kept, values.begin());
        EXPECT_NEAR(difference / (norm * norm), 1.0, 4e-3)
            << name << " " << ReferenceName(*model, place) << (first ? " A" : " B");
      }
    }
  }
}

// Whoever lent the threads gets them back between any two products, and may end the pass there.
TEST(TrainingPass, PausesWithinLayersAndGoesOnWithEqualBitsEvenAfterItWasEnded) {
  struct Enough {};
  Compute compute(2);
  const auto model = LoadExact(DataPath("fixtures/qwen3-moe"), compute.context);
  const TestAdapter adapter = RandomAdapter(model->config(), 3, 1.5f);
  const TrainingSamples samples = OneSequence(*model, 40);
  const RecordingSink want = Record(compute.context, model, samples, adapter);
  const auto expect_equal = [&](const RecordingSink& got) {
    ASSERT_EQ(got.records.size(), want.records.size());
    for (const auto& [place, record] : want.records) {
      EXPECT_EQ(got.records.at(place).x, record.x);
      EXPECT_EQ(got.records.at(place).dy, record.dy);
    }
  };

  int pauses = 0;
  compute.context.pause = [&] { ++pauses; };
  expect_equal(Record(compute.context, model, samples, adapter));
  EXPECT_GT(pauses, 12 * model->config().num_hidden_layers);

  model::TrainingPass pass(model);
  for (int last = 1; last <= pauses; last += 5) {
    int left = last;
    compute.context.pause = [&] {
      if (--left == 0) throw Enough();
    };
    RecordingSink ended;
    EXPECT_THROW(AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, &ended),
                 Enough);
    compute.context.pause = {};
    RecordingSink again;
    AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, &again);
    expect_equal(again);
  }
}

TEST(TrainingPass, TurnsALongSequenceByItsWholeLengthWithDynamicScaling) {
  Compute compute(2);
  model::ModelConfig config = *model::PublishedShape("smollm2-135m");
  config.vocab_size = 128;
  config.hidden_size = 36;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 3;
  config.num_key_value_heads = 1;
  config.head_dim = 12;
  config.intermediate_size = 40;
  config.max_position_embeddings = 32;
  config.rope.kind = model::RopeKind::kDynamic;
  config.rope.factor = 2.0;
  config.window.assign(2, 0);
  config.sparse_layer.assign(2, false);
  const auto model = model::MakeRandomModel(config, DType::kF32, compute.context,
                                            {.arithmetic = ops::Arithmetic::kExact});
  const TrainingSamples samples =
      Packed(std::vector<TrainingSamples>{OneSequence(*model, 20, 1), OneSequence(*model, 50, 2)});
  std::vector<int32_t> rows(50);
  std::iota(rows.begin(), rows.end(), 20);
  const Tensor want = RunModel(*model, compute.context, std::span(samples.tokens).subspan(20));
  model::TrainingPass pass(model);
  const ConstMatrix hidden = pass.Forward(
      compute.context,
      {.tokens = samples.tokens, .sequences = samples.sequences, .target_rows = rows}, nullptr);
  Tensor logits(DType::kF32, {50, 128});
  const ops::LinearCall head{&pass.head(), {logits.As<float>().data(), 50, 128, 128}, {}};
  ops::Linear(compute.context, hidden, {&head, 1});
  EXPECT_LE(MaxDifference(logits.As<float>(), want.As<float>()), 1e-4f);
}

// int8 and bf16 activations: the gradient is that of the model without their rounding, roughly.
TEST(TrainingPass, ServingArithmeticGivesNearlyTheExactGradients) {
  Compute compute(2);
  for (const char* name : {"gguf/qwen3-gguf/model-Q8_0.gguf", "qwen3-tied/bf16"}) {
    const auto files = formats::ModelFiles::Open(DataPath(std::string("fixtures/") + name));
    const auto exact = LoadExact(DataPath(std::string("fixtures/") + name), compute.context);
    const auto serving = model::Model::Load(files, compute.context, {});
    const TestAdapter adapter = RandomAdapter(exact->config(), 3, 1.5f);
    const TrainingSamples samples = OneSequence(*exact, 40);
    const auto gradients = [&](const std::shared_ptr<const model::Model>& model) {
      model::TrainingPass pass(model);
      model::LowRankSink sink(adapter.views);
      AddLossAndGradients(compute.context, pass, samples, adapter, {}, 1.0f, &sink);
      std::vector<float> all;
      for (const auto& [place, g] : sink.gradients()) {
        for (const Tensor* t : {&g.a, &g.b}) {
          all.insert(all.end(), t->As<float>().begin(), t->As<float>().end());
        }
      }
      return all;
    };
    const std::vector<float> want = gradients(exact);
    const std::vector<float> got = gradients(serving);
    double dot = 0, a = 0, b = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      dot += double{want[i]} * got[i];
      a += double{want[i]} * want[i];
      b += double{got[i]} * got[i];
    }
    EXPECT_GT(dot / std::sqrt(a * b), 0.995) << name;
    EXPECT_NEAR(std::sqrt(b / a), 1.0, 0.05) << name;
  }
}

}  // namespace
}  // namespace hyprstream
