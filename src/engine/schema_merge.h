// Two JSON schemas as one that holds for what both hold for.
#pragma once

#include "engine/schema_document.h"

namespace hyprstream::engine {

/// Both without "$ref" and "allOf"; the parts of the result may have them. `a`'s place is the
/// result's. Errors: kUnsupported naming a keyword that says two things; kInvalidArgument.
PlacedSchema MergeSchemas(const PlacedSchema& a, const PlacedSchema& b);

}  // namespace hyprstream::engine
