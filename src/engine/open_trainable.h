// An adapter named on a command line, opened to be trained on as it is written: the parametrisation
// of the file, so that gradients and steps are those of another implementation on the same file.
#pragma once

#include <string>
#include <vector>

#include "adapters/store.h"
#include "adapters/trainable_adapter.h"
#include "model/model.h"

namespace hyprstream::engine {

struct TrainableChoice {
  adapters::TrainableAdapter adapter;
  std::vector<double> place_scales;  // as TrainerOptions has them
};

/// `reference`: a path that adapters::OpenAdapter takes, a grid file, or NAME or NAME@VERSION of an
/// adapter in `store` (which may be null). A path that exists comes first. Errors:
/// kFailedPrecondition for an adapter without components; kNotFound; those of adapters::OpenAdapter
/// and adapters::TrainableAdapter.
TrainableChoice OpenTrainable(const std::string& reference, const model::Model& model,
                              adapters::AdapterStore* store);

}  // namespace hyprstream::engine
