// Samples from a file on their way to the journal: each line as it stands, once it is known that
// the model can learn it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "adapters/journal.h"
#include "engine/sample_encoder.h"

namespace hyprstream::engine {

/// JSON Lines, blank ones skipped, or one JSON array. All of them or none. Errors: kNotFound; those
/// of SampleEncoder::Encode, naming the line, or of an array the sample; kInvalidArgument for a
/// file without samples.
std::vector<adapters::NewSample> ReadSampleFile(const std::filesystem::path& path,
                                                const SampleEncoder& encoder);

}  // namespace hyprstream::engine
