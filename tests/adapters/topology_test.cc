#include "adapters/topology.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "adapters/topology_case.h"
#include "base/error.h"
#include "model/random_model.h"

namespace hyprstream::adapters {
namespace {

using namespace ::hyprstream::testing;
using model::Module;

AdapterSpec Spec(AdapterKind kind, int64_t rank, std::vector<Module> targets) {
  return {.kind = kind,
          .nominal_rank = rank,
          .target_modules = std::move(targets),
          .base_fingerprint = "f"};
}

TEST(AdapterSpec, NominalRankLeavesEnoughWeights) {
  const AdapterSpec willow = DefaultSpec(AdapterKind::kSparse, WillowbrookShape(), "w");
  EXPECT_EQ(willow.nominal_rank, 512);
  const AdapterSpec qwen =
      DefaultSpec(AdapterKind::kSparse, *model::PublishedShape("qwen3-1.7b"), "q");
  EXPECT_EQ(qwen.nominal_rank, 64);
  const Topology topology(*model::PublishedShape("qwen3-1.7b"), qwen);
  EXPECT_EQ(topology.places().size(), 196u);
  EXPECT_NEAR(static_cast<double>(topology.parameters_allowed()), 0.7e6, 0.05e6);
  EXPECT_EQ(Topology(WillowbrookShape(), willow).parameters_total(), 29184 * 512);
  EXPECT_EQ(Topology(WillowbrookShape(), willow).parameters_allowed(), 149422);
}

TEST(AdapterSpec, TheTextGivesBackTheSpec) {
  for (const AdapterKind kind : {AdapterKind::kSparse, AdapterKind::kLora, AdapterKind::kDelta}) {
    AdapterSpec spec = DefaultSpec(kind, WillowbrookShape(), "sha \"quoted\" \xC3\xA4");
    spec.scale = 0.1;
    EXPECT_EQ(ParseSpec(WriteSpec(spec), "here"), spec);
    EXPECT_EQ(ParseAdapterKind(AdapterKindName(kind)), kind);
  }
}

TEST(AdapterSpec, WrongTextIsRefusedByField) {
  const std::string good = WriteSpec(DefaultSpec(AdapterKind::kLora, WillowbrookShape(), "f"));
  const auto refused = [&](std::string_view from, std::string_view to, std::string_view field) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    try {
      ParseSpec(bad, "the file");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
      EXPECT_NE(error.detail().where.find(field), std::string::npos) << error.detail().where;
    }
  };
  refused("\"lora\"", "\"loha\"", "kind");
  refused("\"nominal_rank\":16", "\"nominal_rank\":65537", "nominal_rank");
  refused("\"nominal_rank\":16", "\"nominal_rank\":1.5", "nominal_rank");
  refused("\"nominal_rank\":16", "\"nominal_rank\":0", "nominal_rank");
  refused("\"q_proj\"", "\"k_proj\"", "target_modules");
  refused("\"q_proj\"", "\"x_proj\"", "target_modules");
  refused("\"scale\":2E0", "\"scale\":1E300", "scale");
  refused("\"sparsity\":0E0", "\"sparsity\":1", "sparsity");
  EXPECT_THROW(ParseSpec("[]", "the file"), Error);
  EXPECT_THROW(ParseSpec("{", "the file"), Error);
}

TEST(Topology, PlacesAreInTheOrderOfLayersModulesAndExperts) {
  const Topology topology(OddShape(), DefaultSpec(AdapterKind::kLora, OddShape(), "o"));
  ASSERT_EQ(topology.places().size(), 7u + 4u + 9u + 7u);
  EXPECT_TRUE(std::ranges::is_sorted(topology.places(), {}, &TopologyPlace::at));
  EXPECT_EQ(topology.places()[8].path, "model.layers.1.self_attn.k_proj");
  EXPECT_EQ(topology.places()[12].path, "model.layers.1.mlp.experts.1.gate_proj");
  for (size_t i = 0; i < topology.places().size(); ++i) {
    EXPECT_EQ(topology.FindPlace(topology.places()[i].at), i);
  }
  EXPECT_FALSE(topology.FindPlace({.layer = 0, .module = Module::kUp, .expert = 1}).has_value());
}

TEST(Topology, EveryWeightHasItsOwnPlaceAndTheRestIsPadding) {
  for (const AdapterKind kind : {AdapterKind::kSparse, AdapterKind::kDelta}) {
    const int64_t rank = kind == AdapterKind::kDelta ? 0 : 3;
    const Topology topology(OddShape(), Spec(kind, rank, {Module::kK, Module::kDown}));
    const auto tiles = topology.tiles_per_level() * static_cast<uint64_t>(topology.components());
    int64_t weights = 0;
    for (uint64_t tile = 0; tile < tiles; ++tile) {
      for (uint32_t element = 0; element < vdb::kTileWeights; ++element) {
        const vdb::TileElement at{.tile = tile, .element = element};
        const auto weight = topology.WeightAt(at);
        if (!weight) continue;
        ++weights;
        ASSERT_EQ(topology.ElementOf(*weight), at);
      }
    }
    EXPECT_EQ(weights, topology.parameters_total());
    EXPECT_FALSE(topology.RunOf(tiles).has_value());
    EXPECT_FALSE(topology.RunOf(vdb::kTileLimit - 1).has_value());
  }
}

RC_GTEST_PROP(Topology, AWeightComesBackFromItsVoxel, ()) {
  const auto config =
      *rc::gen::element(WillowbrookShape(), *model::PublishedShape("qwen3-1.7b"), OddShape());
  const auto kind =
      *rc::gen::element(AdapterKind::kSparse, AdapterKind::kLora, AdapterKind::kDelta);
  AdapterSpec spec = DefaultSpec(kind, config, "f");
  const Topology topology(config, spec);
  WeightPlace weight{.place = *rc::gen::inRange<size_t>(0, topology.places().size())};
  const TopologyPlace& place = topology.places()[weight.place];
  const int64_t rank = spec.nominal_rank;
  weight.factor =
      kind == AdapterKind::kDelta ? Factor::kDelta : *rc::gen::element(Factor::kA, Factor::kB);
  weight.row = *rc::gen::inRange<int64_t>(0, weight.factor == Factor::kA ? rank : place.out);
  weight.col = *rc::gen::inRange<int64_t>(0, weight.factor == Factor::kB ? rank : place.in);
  const vdb::Coordinate voxel = vdb::ElementCoordinate(topology.ElementOf(weight));
  const auto back = vdb::ElementAt(voxel);
  RC_ASSERT(back.has_value());
  RC_ASSERT(topology.WeightAt(*back) == weight);
}

RC_GTEST_PROP(Topology, DifferentWeightsNeverShareAVoxel, ()) {
  const Topology topology(OddShape(), DefaultSpec(AdapterKind::kSparse, OddShape(), "f"));
  const auto draw = [&] {
    WeightPlace weight{.place = *rc::gen::inRange<size_t>(0, topology.places().size()),
                       .factor = *rc::gen::element(Factor::kA, Factor::kB)};
    const TopologyPlace& place = topology.places()[weight.place];
    const bool a = weight.factor == Factor::kA;
    weight.row = *rc::gen::inRange<int64_t>(0, a ? topology.components() : place.out);
    weight.col = *rc::gen::inRange<int64_t>(0, a ? place.in : topology.components());
    return weight;
  };
  const WeightPlace one = draw();
  const WeightPlace two = draw();
  RC_ASSERT((one == two) == (topology.ElementOf(one) == topology.ElementOf(two)));
}

TEST(Topology, TheFirstComponentsOfAllPlacesShareTheFirstLowerNodes) {
  const Topology topology(
      *model::PublishedShape("qwen3-1.7b"),
      DefaultSpec(AdapterKind::kSparse, *model::PublishedShape("qwen3-1.7b"), "q"));
  std::set<uint64_t> lower_nodes;
  for (size_t p = 0; p < topology.places().size(); ++p) {
    lower_nodes.insert((topology.FirstTile(p, 0) + topology.places()[p].tiles - 1) / 4096);
  }
  EXPECT_EQ(lower_nodes.size(), 1u);
}

TEST(Topology, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(Topology(OddShape(), Spec(AdapterKind::kLora, 0, {Module::kQ})), Error);
  EXPECT_THROW(Topology(OddShape(), Spec(AdapterKind::kLora, 4, {})), Error);
  model::ModelConfig huge = *model::PublishedShape("qwen3-1.7b");
  huge.num_hidden_layers = 2000;
  huge.sparse_layer.assign(2000, false);
  huge.window.assign(2000, 0);
  huge.hidden_size = 1 << 20;
  EXPECT_THROW(Topology(huge, Spec(AdapterKind::kLora, kMaxNominalRank, {Module::kQ, Module::kUp})),
               Error);
}

}  // namespace
}  // namespace hyprstream::adapters
