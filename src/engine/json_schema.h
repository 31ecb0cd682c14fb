// JSON Schema to a grammar whose every text is JSON that the schema allows. Where a schema leaves
// things open the grammar says less: members come in the order of "properties", and others than
// those only when "additionalProperties" speaks of them or no member is named; without "type",
// values are of the types that the other keywords speak of.
#pragma once

#include <string>

#include "engine/grammar.h"
#include "engine/json_grammar.h"
#include "text/json_value.h"

namespace hyprstream::engine {

/// Adds rules to `grammar`; the result matches the value. `where` is the schema's place, for
/// errors. Errors: kUnsupported naming a keyword that is not honoured, with its place;
/// kInvalidArgument for what is no schema; kLimit.
Grammar::Symbol CompileJsonSchema(const text::Value& schema, const std::string& where,
                                  Grammar& grammar, JsonGrammar& json);

}  // namespace hyprstream::engine
