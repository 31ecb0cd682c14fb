// The components of tokenizer.json, read from their JSON. For this layer's own sources only.
#pragma once

#include "text/json_fields.h"
#include "text/tokenizer_impl.h"

namespace hyprstream::text {

/// Each takes the document's root. Errors: kDataLoss with the path of the field; kUnsupported
/// naming a component that we do not have; kLimit for too many components.
Normalizer ReadNormalizer(const JsonField& root);
PreTokenizer ReadPreTokenizer(const JsonField& root);
TokenDecoder ReadDecoder(const JsonField& root);
Template ReadPostProcessor(const JsonField& root);

}  // namespace hyprstream::text
