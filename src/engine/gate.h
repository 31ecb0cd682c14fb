// Whether a new version of an adapter may be served: it must predict samples that it was not
// trained on better than the version it began from, without losing what had been taught before nor
// what the base knew. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hyprstream::engine {

/// The mean loss of every sample. Vectors that belong together have the same length.
struct GateLosses {
  std::vector<double> heldout_before = {};  // by the version it began from
  std::vector<double> heldout = {};         // by the new version
  /// The first so many of the held-out samples are of what had been taught before.
  size_t known = 0;
  std::vector<double> general_base = {};    // of what must not be forgotten, by the base
  std::vector<double> general_before = {};  // by the version it began from
  std::vector<double> general = {};
  std::vector<double> general_targets = {};  // how many tokens each of them stands for
};

struct Judgement {
  bool promote = false;
  std::string reason = {};  // for people
};

/// The general loss, over all its targets, may be at most 1 % above that of the version it began
/// from, and 5 % above the base's, so that many small steps end somewhere; that of what was known
/// at most 10 %, or a tenth of a nat, above what it was, since a few samples of little loss vary by
/// as much. Without held-out samples nothing is judged.
Judgement Judge(const GateLosses& losses);

/// The general samples' part of it; true without any.
bool KeepsWhatWasKnown(const GateLosses& losses);

}  // namespace hyprstream::engine
